import { onTestFinished } from "vitest";
import type { SvelteKitSessions, SvelteKitSessionsOptions } from "../../../src/adapters/sveltekit.ts";
import { type AnyStore, type Session, SessionManager } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type FaultyStore, faultyStore, manualClock, type ManualClock } from "../../../src/testing/index.ts";
import { cookieAfter } from "../support/sites.ts";
import {
  type ErrorInput,
  type Event,
  type Hook,
  serve,
  type Site,
  type Tools,
  type Version,
} from "./site.ts";

/** What a test serves. Everything is given the session of its event besides. */
export interface Parts {
  readonly options?: SvelteKitSessionsOptions;
  /** Hooks behind the session's, in order. */
  readonly hooks?: ((tools: Tools) => readonly Hook[]) | undefined;
  handleError?(input: ErrorInput): unknown;
  answer?(event: Event, session: Session, tools: Tools): unknown;
  load?(event: Event, session: Session, tools: Tools): unknown;
  layout?(event: Event, session: Session, tools: Tools): unknown;
  action?(event: Event, session: Session, tools: Tools): unknown;
  remote?(event: Event, session: Session, name: string): unknown;
}

export interface Client {
  readonly clock: ManualClock;
  readonly store: FaultyStore<AnyStore>;
  readonly manager: SessionManager;
  /** What SvelteKit has told of by handleError. */
  readonly reported: unknown[];
  readonly origin: string;
  /** Asks, follows no redirect, and keeps no cookie but those that it is given. */
  ask(path: string, init?: RequestInit & { readonly cookie?: string }): Promise<Response>;
  /** Submits a form, as browsers do without JavaScript. */
  submit(path: string, cookie?: string): Promise<Response>;
  /** Submits a form as `use:enhance` does. */
  enhance(path: string, cookie?: string): Promise<Response>;
  /** What is stored for a cookie: all fields. */
  stored(cookie: string): Promise<Record<string, unknown>>;
  /** A stored session with the field `colour` at `red`, as a Cookie header. */
  visitor(): Promise<string>;
}

/** Serves what a test gives on the application that was built. */
export async function client(version: Version, parts: Parts): Promise<Client> {
  const clock = manualClock();
  const store = faultyStore(memoryStore());
  const manager = new SessionManager({ sweepEvery: false, clock, store: store.store });
  const reported: unknown[] = [];
  const served = await serve(version, (tools) => siteOf(tools, manager, parts, reported));
  onTestFinished(() => served.close());
  const form = { method: "POST", body: new URLSearchParams({ good: "anchor" }) };
  const ask: Client["ask"] = (path, { cookie, headers, ...init } = {}) =>
    fetch(`${served.origin}${path}`, {
      redirect: "manual",
      ...init,
      headers: { accept: "text/html", ...(cookie !== undefined && { cookie }), ...headers },
    });
  return {
    clock,
    store,
    manager,
    reported,
    origin: served.origin,
    ask,
    submit: (path, cookie = "") => ask(path, { ...form, cookie }),
    enhance: (path, cookie = "") =>
      ask(path, {
        ...form,
        cookie,
        headers: { accept: "application/json", "x-sveltekit-action": "true" },
      }),
    async stored(cookie) {
      return (await (await ask("/the/stored", { cookie })).json()) as Record<string, unknown>;
    },
    async visitor() {
      return cookieAfter(await ask("/the/visitor"));
    },
  };
}

function siteOf(tools: Tools, manager: SessionManager, parts: Parts, reported: unknown[]): Site {
  const sessions: SvelteKitSessions<Session> = tools.sveltekitSessions(manager, parts.options);
  const given = (event: Event): [Event, Session, Tools] => [
    event,
    event.locals[parts.options?.local ?? "session"] as Session,
    tools,
  ];
  return {
    handle: tools.sequence(sessions.handle, ...(parts.hooks?.(tools) ?? [])),
    handleError: sessions.handleError((input: ErrorInput) => {
      reported.push(input.error);
      return parts.handleError?.(input);
    }),
    answer(event) {
      const [, session] = given(event);
      if (event.url.pathname === "/the/stored") return tools.json(session.data);
      if (event.url.pathname !== "/the/visitor") return parts.answer?.(...given(event));
      session.set("colour", "red");
      return tools.text("welcome");
    },
    load: (event) => parts.load?.(...given(event)) ?? {},
    layout: (event) => parts.layout?.(...given(event)) ?? {},
    action: (event) => parts.action?.(...given(event)),
    remote: (event, name) => parts.remote?.(event, sessions.of(event), name),
  };
}
