import type { Clock } from "../../src/index.ts";
import { Reply } from "../../src/testing/adapter-client/reply.ts";
import type { Ask } from "../../src/testing/index.ts";

/** Where an answer came from. */
export type Source = "origin" | "cache" | "revalidated";

export interface CachedReply {
  readonly reply: Reply;
  readonly from: Source;
}

/** What is behind a cache. */
export interface Origin {
  send(path: string, ask?: Ask): Promise<Reply>;
}

interface Stored {
  readonly reply: Reply;
  /** The request headers that the response was chosen by, as they were. */
  readonly selecting: ReadonlyMap<string, string>;
  readonly storedAt: number;
  readonly lifeMs: number;
}

/** Statuses that caches may keep though nothing says for how long (RFC 9110, section 15.1). */
const HEURISTIC: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
/** How long this cache keeps what says nothing: RFC 9111, section 4.2.2, sets no limit. */
const HEURISTIC_MS = 60_000;
/** The fields that caches of the kind obey past Cache-Control, the first that is there alone (RFC 9213, section 2.2). */
const TARGETED = ["cloudflare-cdn-cache-control", "cdn-cache-control", "surrogate-control"] as const;

/**
 * A shared cache by RFC 9111, which stores and serves whatever that lets it: it takes Set-Cookie for a header like any other (section 7.3),
 * makes up a freshness where it may, and, as a CDN, believes headers that are meant for it more than Cache-Control (RFC 9213).
 */
export class SharedCache {
  readonly #origin: Origin;
  readonly #clock: Clock;
  readonly #isCdn: boolean;
  readonly #stored: Map<string, Stored[]> = new Map();

  constructor(origin: Origin, clock: Clock, options: { readonly cdn?: boolean } = {}) {
    this.#origin = origin;
    this.#clock = clock;
    this.#isCdn = options.cdn ?? false;
  }

  async send(path: string, ask: Ask = {}): Promise<CachedReply> {
    const { method = "GET" } = ask;
    if (method !== "GET" && method !== "HEAD") return await this.#unsafe(path, ask);
    const found = this.#chosen(path, ask);
    if (found === undefined) return await this.#fetched(path, ask);
    if (this.#isFresh(found)) return { reply: served(found.reply, method), from: "cache" };
    return await this.#revalidated(path, ask, found);
  }

  /** How many responses are kept. */
  get size(): number {
    return [...this.#stored.values()].flat().length;
  }

  async #unsafe(path: string, ask: Ask): Promise<CachedReply> {
    const reply = await this.#origin.send(path, ask);
    // RFC 9111, section 4.4.
    if (reply.status < 400) this.#stored.delete(path);
    return { reply, from: "origin" };
  }

  async #fetched(path: string, ask: Ask): Promise<CachedReply> {
    const reply = await this.#origin.send(path, ask);
    if (ask.method !== "HEAD") this.#keep(path, ask, reply);
    return { reply, from: "origin" };
  }

  async #revalidated(path: string, ask: Ask, found: Stored): Promise<CachedReply> {
    const etag = found.reply.header("etag");
    const modified = found.reply.header("last-modified");
    const conditions: [string, string][] = [
      ...(etag === undefined ? [] : [["If-None-Match", etag] as [string, string]]),
      ...(modified === undefined ? [] : [["If-Modified-Since", modified] as [string, string]]),
    ];
    const reply = await this.#origin.send(path, { ...ask, headers: [...(ask.headers ?? []), ...conditions] });
    if (reply.status !== 304) {
      this.#forget(path, found);
      if (ask.method !== "HEAD") this.#keep(path, ask, reply);
      return { reply, from: "origin" };
    }
    const updated = freshened(found.reply, reply);
    // No part of a response that must not be stored goes into one that is (section 5.2.2.5).
    if (!this.#directives(reply).has("no-store")) {
      this.#forget(path, found);
      this.#keep(path, ask, updated);
    }
    return { reply: served(updated, ask.method), from: "revalidated" };
  }

  #chosen(path: string, ask: Ask): Stored | undefined {
    return this.#stored
      .get(path)
      ?.findLast(({ selecting }) => [...selecting].every(([name, value]) => headerOf(ask, name) === value));
  }

  #isFresh({ reply, storedAt, lifeMs }: Stored): boolean {
    const directives = this.#directives(reply);
    return !directives.has("no-cache") && this.#clock.now() - storedAt < lifeMs;
  }

  #forget(path: string, gone: Stored): void {
    this.#stored.set(
      path,
      (this.#stored.get(path) ?? []).filter((one) => one !== gone),
    );
  }

  #keep(path: string, ask: Ask, reply: Reply): void {
    const lifeMs = this.#lifeOf(reply, headerOf(ask, "authorization") !== "");
    const names = (reply.header("vary") ?? "").split(",").map((name) => name.trim().toLowerCase());
    if (lifeMs === null || names.includes("*")) return;
    const selecting = new Map(
      names.filter((name) => name !== "").map((name) => [name, headerOf(ask, name)] as const),
    );
    const entries = this.#stored.get(path) ?? [];
    entries.push({ reply, selecting, storedAt: this.#clock.now(), lifeMs });
    this.#stored.set(path, entries);
  }

  /** How long a response may be served without asking; `null` when it must not be kept (section 3). */
  #lifeOf(reply: Reply, isAuthorized: boolean): number | null {
    const directives = this.#directives(reply);
    const isUnqualified = (name: string): boolean => directives.get(name) === "";
    if (directives.has("no-store") || isUnqualified("private")) return null;
    const opens = ["public", "s-maxage", "must-revalidate"].some((name) => directives.has(name));
    if (isAuthorized && !opens) return null;
    if (reply.status === 206 || reply.status === 304 || reply.status < 200) return null;
    const seconds = directives.get("s-maxage") ?? directives.get("max-age");
    if (seconds !== undefined) return Number(seconds) * 1000;
    const expires = reply.header("expires");
    if (expires !== undefined) return Math.max(0, (Date.parse(expires) || 0) - this.#clock.now());
    return HEURISTIC.has(reply.status) || directives.has("public") ? HEURISTIC_MS : null;
  }

  #directives(reply: Reply): ReadonlyMap<string, string> {
    if (this.#isCdn && reply.header("x-accel-expires") !== undefined) {
      const seconds = Number(reply.header("x-accel-expires"));
      return new Map(seconds > 0 ? [["max-age", String(seconds)]] : [["no-store", ""]]);
    }
    const targeted = this.#isCdn ? TARGETED.find((name) => reply.header(name) !== undefined) : undefined;
    return directivesOf(reply.header(targeted ?? "cache-control") ?? "");
  }
}

function directivesOf(control: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, name = "", quoted, plain] of control.matchAll(/([\w-]+)\s*(?:=\s*(?:"([^"]*)"|([^\s,]*)))?/g))
    found.set(name.toLowerCase(), quoted ?? plain ?? "");
  return found;
}

/** All values of a request header; empty when it is absent, which caches take for a value like any other. */
function headerOf(ask: Ask, name: string): string {
  return (ask.headers ?? [])
    .filter(([one]) => one.toLowerCase() === name)
    .map(([, value]) => value)
    .join(", ");
}

function served(reply: Reply, method: string | undefined): Reply {
  return method === "HEAD" ? reply.withBody("") : reply;
}

/** A stored response with the headers of the 304 that found it still right (section 3.2). */
function freshened(stored: Reply, fresh: Reply): Reply {
  const names = new Set(fresh.headers.map(([name]) => name));
  names.delete("content-length");
  const headers = [
    ...stored.headers.filter(([name]) => !names.has(name)),
    ...fresh.headers.filter(([name]) => names.has(name)),
  ];
  return new Reply(stored.status, stored.reason, headers, stored.body);
}
