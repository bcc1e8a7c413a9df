import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { CsrfGuard, resolveCsrf } from "../../src/core/csrf.ts";
import { Events } from "../../src/core/events.ts";
import { flashes, unseen, withFlashes } from "../../src/core/flash.ts";
import { tokensOf } from "../../src/core/load.ts";
import { LiveDoor } from "../../src/adapters/support/live-door.ts";
import { fetchEndpoint } from "../../src/endpoint.ts";
import {
  type AnyStore,
  cookieValues,
  jsonCodec,
  judgeRecord,
  keepPrivate,
  parseSessionId,
  SessionError,
  type SessionId,
  SessionManager,
  type SessionRecord,
  Token,
} from "../../src/index.ts";
import { decodeContent } from "../../src/stores/directory/content.ts";
import * as names from "../../src/stores/directory/names.ts";
import * as lmdb from "../../src/stores/lmdb/head.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import * as mysql from "../../src/stores/mysql/rows.ts";
import * as postgres from "../../src/stores/postgres/rows.ts";
import { judgeHash, labellingOf } from "../../src/stores/redis/meta.ts";
import { coversLimit, idOfEntry, isSettled } from "../../src/stores/redis/entries.ts";
import { flatList, versionOf } from "../../src/stores/redis/replies.ts";
import * as sqlite from "../../src/stores/sqlite/rows.ts";
import { manualClock } from "../../src/testing/clock.ts";
import { testExchange } from "../support/exchange.ts";
import { ADOPTED_TARGETS } from "./targets/adopted.ts";
import { BOUND_TARGETS } from "./targets/bound.ts";
import { DROP_IN_TARGETS } from "./targets/drop-in.ts";
import { OPTION_TARGETS } from "./targets/options.ts";
import { REQUEST_TARGETS } from "./targets/requests.ts";
import { SIGNAL_TARGETS } from "./targets/signals.ts";
import { STORED_TARGETS } from "./targets/stored.ts";
import { NOW, parsed, type Target, TOKEN } from "./targets/target.ts";

const COOKIE = `__Host-Http-sid=${TOKEN.reveal()}`;

/** Everything that takes bytes of a client or of a store, by name. */
export const TARGETS: Readonly<Record<string, Target>> = {
  ...ADOPTED_TARGETS,
  ...BOUND_TARGETS,
  ...SIGNAL_TARGETS,
  ...REQUEST_TARGETS,
  ...STORED_TARGETS,
  ...OPTION_TARGETS,
  ...DROP_IN_TARGETS,

  cookie(text) {
    const lines = text.split("\n");
    const values = cookieValues(lines, "sid");
    for (const value of values) assert.ok(!value.includes(";") && !/^[ \t]|[ \t]$/.test(value));
    const tokens = tokensOf(values, new Events(), null);
    assert.ok(tokens.length <= 3);
    for (const token of tokens) assert.match(token.id, /^[A-Za-z0-9_-]{24}$/);
  },

  token(text) {
    const token = Token.parse(text);
    assert.equal(token !== null, text.length === 56 && !/[^A-Za-z0-9_-]/.test(text));
    if (token !== null) assert.equal(token.reveal(), text);
    const masked = TOKEN.unmaskSuccessor(text).reveal();
    assert.match(masked, /^[A-Za-z0-9_-]{56}$/);
    const id = parseSessionId(text);
    assert.equal(id !== null, text.length === 24 && !/[^A-Za-z0-9_-]/.test(text));
  },

  record(text) {
    const value = parsed(text);
    const verdict = judgeRecord(value);
    if (verdict !== "record") return;
    for (const field of Object.values((value as SessionRecord).fields)) assert.equal(typeof field, "string");
  },

  codec(text) {
    let value: unknown;
    try {
      value = jsonCodec.decode(text);
    } catch {
      return;
    }
    // Whatever could be read can be stored again, and is the same then.
    const again = jsonCodec.encode(value);
    assert.deepEqual(jsonCodec.decode(again), value);
    assert.equal(jsonCodec.encode(jsonCodec.decode(again)), again);
  },

  /** Lines: what the reserved fields hold, in the order of {@link RESERVED_NAMES}, then `name=text` for the application's. */
  async session(text) {
    const lines = text.split("\n");
    const fields: [string, string][] = lines.flatMap((line, index): [string, string][] => {
      const name = RESERVED_NAMES[index];
      if (name !== undefined) return line === "" ? [] : [[name, line]];
      const at = line.indexOf("=");
      return at <= 0 || line.startsWith("~") ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    });
    for (const onIdle of ["end", "lock"] as const) await visited(Object.fromEntries(fields), onIdle);
  },

  /** Lines: method, Sec-Fetch-Site, Origin, Referer, Host; an empty one is an absent header. */
  csrf(text) {
    const [method = "", site, origin, referer, host] = text.split("\n").map((line) => line || undefined);
    const policy = resolveCsrf({ trustedOrigins: ["https://friend.example"], silent: "refuse" });
    assert.ok(policy !== null);
    const guard = new CsrfGuard(policy, new Events());
    const headers = Object.entries({ "sec-fetch-site": site, origin, referer, host });
    const requestHeaders = Object.fromEntries(
      headers.filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    const refused = isRefused(() => guard.check(testExchange({ method, requestHeaders, cookie: COOKIE })));
    if (["GET", "HEAD", "OPTIONS", "TRACE"].includes(method)) return assert.equal(refused, false);
    const isForeign = site === "cross-site" || site === "same-site";
    if (isForeign) assert.equal(refused, origin !== "https://friend.example");
    const isSilent = site === undefined && origin === undefined && referer === undefined;
    if (isSilent || host === undefined)
      assert.ok(refused || site !== undefined || origin === "https://friend.example");
    if (site === undefined && origin === "null") assert.ok(refused);
  },

  /** The first line is the type of a body, what follows the body. */
  async form(text) {
    const at = text.indexOf("\n");
    const type = text.slice(0, Math.max(at, 0)).replaceAll(/[^\x20-\x7e]/g, "");
    const body = Buffer.from(text.slice(at + 1), "latin1");
    const endpoint = fetchEndpoint(async (ask) => {
      const fields = await ask.fields();
      for (const [name, value] of fields) assert.equal(`${typeof name} ${typeof value}`, "string string");
      return { status: 200, headers: [], body: "" };
    });
    const headers = { "content-type": type };
    const response = await endpoint(
      new Request("http://a.example/", { method: "POST", headers, body }),
      null,
    );
    assert.equal(response.status, body.length > 65_536 ? 413 : 200);
  },

  /** The first line is a kind of message, the second what is stored, the third what was shown. */
  flash(text) {
    const [kind = "", stored = "", shown = ""] = text.split("\n");
    const value = decoded(stored);
    const found = flashes(value, kind);
    const texts = flashes(decoded(shown), kind).map((message) => jsonCodec.encode(message));
    const left = unseen(found, texts);
    assert.ok(left.length <= found.length && left.length >= found.length - texts.length);
    const emptied = withFlashes(value, kind, []);
    assert.deepEqual(flashes(emptied, kind), []);
    assert.deepEqual(flashes(withFlashes(value, kind, [1, 2]), kind), [1, 2]);
  },

  /** Lines: Host, Origin, Cookie; an empty one is an absent header. */
  async handshake(text) {
    const [host, origin, cookie] = text.split("\n").map((line) => line || undefined);
    const rawHeaders = Object.entries({ host, origin, cookie }).flatMap(([name, value]) =>
      value === undefined ? [] : [name, value],
    );
    const headers = { host, origin, cookie };
    const request = {
      method: "GET",
      url: "/",
      headers,
      rawHeaders,
      socket: {},
    } as unknown as IncomingMessage;
    const failed: unknown[] = [];
    const door = new LiveDoor(managerOf(memoryStore()), { onError: (error) => void failed.push(error) });
    const admission = await door.admit(request);
    assert.deepEqual(failed, []);
    const status = admission.kind === "refused" ? admission.refusal.status : 101;
    assert.ok(status === 101 || status === 403, String(status));
    if (origin === "null" || (origin !== undefined && host === undefined)) assert.equal(status, 403);
  },

  /** A Cache-Control of the application's. */
  caching(text) {
    const targeted = ["cdn-cache-control", "surrogate-control", "x-accel-expires"];
    const headers = new Map(["cache-control", ...targeted].map((name) => [name, text]));
    const exchange = {
      responseHeader: (name: string) => headers.get(name),
      setResponseHeader: (name: string, value: string) => void headers.set(name, value),
    };
    keepPrivate(exchange);
    for (const name of targeted) assert.match(headers.get(name) ?? "", /^(?:no-store|0)$/);
    const control = headers.get("cache-control") ?? "";
    // Two that look after it, such as two managers of one application, change nothing between them.
    keepPrivate(exchange);
    assert.equal(headers.get("cache-control"), control);
    const unquoted = control.replaceAll(/"(?:[^"\\]|\\.)*"?/g, "q");
    const directives = unquoted.split(",").map((one) => one.trim().toLowerCase());
    assert.ok(directives.includes("private") || directives.includes("no-store"), control);
    assert.ok(!directives.some((one) => /^(?:public|s-maxage)\s*(?:=|$)/.test(one)), control);
  },

  /** Lines: names and texts of a hash in turn. */
  redis(text) {
    const lines = text.split("\n");
    const judged = judgeHash("A".repeat(24) as SessionId, lines);
    if (judged.verdict === "record") assert.equal(judgeRecord(judged.record), "record");
    labellingOf(lines[1]);
    for (const line of lines) {
      coversLimit(line, NOW);
      isSettled(line);
      idOfEntry(line);
      orError(() => versionOf(line));
    }
    orError(() => flatList(parsed(text)));
  },

  /** Lines: the columns of a row in order. */
  rows(text) {
    const columns = text.split("\n");
    const numbers = columns.map((column) => (/^-?\d{1,18}$/.test(column) ? BigInt(column) : column));
    for (const row of [columns, numbers, columns.map((column) => parsed(column))]) {
      const judged = sqlite.judgeRow(row);
      if (judged.verdict === "record") assert.equal(judgeRecord(judged.record), "record");
      const fields = columns.map((column) => [column, null, null, parsed(column)]);
      orError(() => {
        const record = sqlite.recordOf([row, ...fields]);
        if (record !== null) assert.equal(judgeRecord(record), "record");
      });
      lmdb.expiryOf(text);
      lmdb.labelsOf(text);
      const head = lmdb.judgeHead(String(row[0]), text);
      if (head.verdict === "record") {
        assert.deepEqual(lmdb.judgeHead(head.head.record.id, lmdb.headText(head.head)), head);
      }
      lmdb.placesOf(text);
      orError(() => lmdb.partOf(text));
      const bytes = row.map((column, index) =>
        typeof column === "string" && (index < 5 || index > 9) ? Buffer.from(column, "latin1") : column,
      );
      const rows = [bytes, [...bytes.slice(0, 10), ...bytes.slice(10).toReversed()]] as never;
      const found = mysql.judgeRows(rows);
      if (found.verdict === "record") assert.equal(judgeRecord(found.record), "record");
      mysql.bySession(rows);
      mysql.namesIn(rows);
      const texts: (string | null)[] = row.map((column) => (typeof column === "string" ? column : null));
      const own = [...texts.slice(0, 10), null, null];
      for (const among of [
        [own],
        [own, texts],
        [texts],
        [own, ...texts.map((text) => [...own.slice(0, 10), text, text])],
      ])
        orError(() => postgres.recordOf(among));
      for (const record of postgres.pageOf([texts, texts], 1).records)
        assert.equal(judgeRecord(record), "record");
    }
  },

  /** The first line is a name of a file, what follows its bytes. */
  directory(text) {
    const at = text.indexOf("\n");
    const name = text.slice(0, Math.max(at, 0));
    for (const parse of [
      names.parsePointer,
      names.parseDataName,
      names.parseLabelEntry,
      names.parseExpiryEntry,
    ])
      parse(name);
    names.judgeStrangePointer(name);
    names.parseBucket(name);
    const hex = names.hexOfId(name);
    if (hex !== null) assert.equal(names.idOfHex(hex), name);
    const pointer = names.parsePointer(name) ?? names.parsePointer(POINTER);
    assert.ok(pointer !== null);
    const decoded = decodeContent(Buffer.from(text.slice(at + 1), "latin1"), HEX, pointer);
    if (decoded.kind === "record") assert.equal(judgeRecord(decoded.content.record), "record");
  },
};

const HEX = names.hexOfId("A".repeat(24)) as names.IdHex;
const POINTER = `p1.${"0".repeat(24)}.${"1".repeat(24)}.${"2".repeat(24)}.${NOW}.${NOW + 1}`;
export const RESERVED_NAMES: readonly string[] = [
  "~auth",
  "~device",
  "~life",
  "~rotation",
  "~flash",
  "~form",
  "~csrf",
  "~commits",
  "~format",
];

function decoded(text: string): unknown {
  try {
    return jsonCodec.decode(text);
  } catch {
    return undefined;
  }
}

function orError(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    // What a store refuses is an error of the library, or a plain one that the gate makes one of.
    if (!SessionError.is(error) && (error as Error).constructor !== Error) throw error;
  }
}

function isRefused(work: () => void): boolean {
  try {
    work();
    return false;
  } catch (error) {
    if (SessionError.is(error) && error.code === "ERR_SESSION_FORGED") return true;
    throw error;
  }
}

function managerOf(store: AnyStore, onIdle: "end" | "lock" = "end"): SessionManager {
  return new SessionManager({
    store,
    clock: manualClock(NOW),
    sweepEvery: false,
    rotateEvery: "10m",
    idle: "30m",
    onIdle,
  });
}

/** Errors that a verb may throw for what is stored: never one that is not the library's. */
async function visited(fields: Readonly<Record<string, string>>, onIdle: "end" | "lock"): Promise<void> {
  const record: SessionRecord = {
    id: TOKEN.id,
    epoch: 1,
    version: 1,
    secretHash: TOKEN.secretHash(),
    labels: [],
    createdAt: NOW - 10,
    // Long ago for a session that is locked then; one that ends goes by its expiry alone.
    accessedAt: NOW - 2_400_000,
    expiresAt: NOW + 1e6,
    endsAt: NOW + 1e7,
    fields,
  };
  const store = memoryStore();
  await store.create(record, { signal: new AbortController().signal });
  const manager = managerOf(store, onIdle);
  const exchange = testExchange({ cookie: COOKIE, method: "POST" });
  try {
    const session = await manager.startRequest(exchange);
    void [session.user, session.lockedUser, session.methods, session.level, session.authenticatedAt];
    void [session.remoteAddress, session.hasInfo(), session.activeUntil, String(session), session.toJSON()];
    for (const name of session.keys()) void session.data[name];
    session.hasFormToken("x");
    session.isCsrfToken("x");
    session.csrfToken();
    session.createFormToken();
    session.flash("notice");
    if (session.lockedUser !== null) session.unlock();
    // What cannot be told whose it is was ended by the idle limit, and is not locked for ever.
    session.set("seen", 1).flash("notice", "more");
    await manager.sessionsOf("ann");
    await manager.finishSuccessfulRequest(exchange);
  } catch (error) {
    if (!SessionError.is(error)) throw error;
    // Written by a newer version: an outage, and told as one.
    const isNewer = error.code === "ERR_SESSION_FORMAT" || error.code === "ERR_SESSION_STORE_UNAVAILABLE";
    assert.ok(isNewer && Object.hasOwn(fields, "~format"), `${error.code}: ${error.message}`);
  } finally {
    await manager.close();
  }
}
