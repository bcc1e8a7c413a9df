import assert from "node:assert/strict";

import type { App, Browser, UnderWay } from "../adapter-client/app.ts";
import type { Reply } from "../adapter-client/reply.ts";
import type { Route, RouteContext } from "../adapter-subject.ts";
import { gate, type Gate, type StoreOperation, waitsBefore } from "../faults.ts";
import type { AdapterRuleContext } from "./rule.ts";

/** The name that the session cookie has unless a manager says otherwise. */
export const COOKIE = "__Host-Http-sid";
export const SECOND = 1000;
export const MINUTE: number = 60 * SECOND;
export const HOUR: number = 60 * MINUTE;

/** What a store tells of itself in an error. No client may ever see it. */
export const STORE_DETAIL = "ECONNREFUSED 10.11.12.13:6379 user=holdfast_admin";

/** Routes that most rules use. */
export const ROUTES: Readonly<Record<"/set" | "/show" | "/blank" | "/login" | "/logout" | "/add", Route>> = {
  /** Sets the field `name` to the text `to`. */
  "/set": (context) => {
    context.session.set(context.query("name") ?? "colour", context.query("to") ?? "blue");
    return context.send({ body: "set" });
  },
  /** Shows who is there and all fields. */
  "/show": (context) => context.send({ body: JSON.stringify(shown(context)) }),
  /** Does not look at the session. */
  "/blank": (context) => context.send({ body: "blank" }),
  "/login": (context) => {
    context.session.login(context.query("user") ?? "ada");
    return context.send({ body: "in" });
  },
  "/logout": (context) => {
    context.session.logout();
    return context.send({ body: "out" });
  },
  "/add": (context) => {
    context.session.increment("count");
    return context.send({ body: "added" });
  },
};

export interface Shown {
  readonly user: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

function shown({ session }: RouteContext): Shown {
  return {
    user: session.user,
    data: Object.fromEntries(session.keys().map((name) => [name, session.get(name)])),
  };
}

/** What the server has of a browser's session. */
export async function show(browser: Browser): Promise<Shown> {
  const reply = await browser.get("/show");
  assertStatus(reply, 200);
  return reply.json() as Shown;
}

/** A browser with a session that is stored, with the field `colour` at `red`. */
export async function visitor(app: App): Promise<Browser> {
  const browser = app.browser();
  assertStatus(await browser.get("/set?to=red"), 200);
  assert.ok(browser.token !== undefined, "the first answer must set the cookie");
  return browser;
}

/** A browser whose user is logged in, with the field `colour` at `red`. */
export async function member(app: App, user = "ada"): Promise<Browser> {
  const browser = await visitor(app);
  assertStatus(await browser.get(`/login?user=${user}`), 200);
  return browser;
}

export function assertStatus(reply: Reply, status: number): void {
  assert.equal(
    reply.status,
    status,
    `status ${reply.status} instead of ${status}: ${reply.body.slice(0, 200)}`,
  );
}

/** The Vary of an answer without what the framework puts there by itself; `undefined` when that leaves nothing. */
export function varyOf({ subject }: AdapterRuleContext, reply: Reply): string | undefined {
  const frameworks = (subject.varies ?? []).map((name) => name.toLowerCase());
  assert.ok(!frameworks.includes("cookie"), "no framework varies by the cookie where no session is");
  const names = (reply.header("vary") ?? "").split(/\s*,\s*/);
  const left = names.filter((name) => name !== "" && !frameworks.includes(name.toLowerCase()));
  return left.length > 0 ? left.join(", ") : undefined;
}

export function assertNoCookie(reply: Reply): void {
  assert.deepEqual(reply.cookies, [], "this answer must not touch the cookie");
}

/** Asserts that a failed answer tells nothing of the store. */
export function assertNoDetail(reply: Reply): void {
  const all = JSON.stringify([reply.headers, reply.reason, reply.body]);
  for (const detail of [STORE_DETAIL, "10.11.12.13", "holdfast_admin", "    at "])
    assert.ok(!all.includes(detail), `the answer tells the client: ${detail}`);
}

/** The one Set-Cookie line of an answer, in its parts. */
export function cookieOf(reply: Reply): {
  readonly value: string;
  readonly attributes: readonly string[];
} {
  const lines = reply.cookies.filter((line) => line.startsWith(`${COOKIE}=`));
  assert.equal(lines.length, 1, `one session cookie, not ${lines.length}`);
  const [pair = "", ...attributes] = (lines[0] ?? "").split("; ");
  return { value: pair.slice(COOKIE.length + 1), attributes };
}

/** Makes the next call of an operation wait, once the rule has it on its way. */
export function held(context: AdapterRuleContext, operation: StoreOperation): Gate {
  const door = gate();
  context.store.next(operation, waitsBefore(door));
  return door;
}

/** Waits until a call waits at the gate, and fails when the answer comes first. */
export async function atGate(door: Gate, underWay: UnderWay): Promise<void> {
  const early = underWay.reply.then(
    () => assert.fail("the answer is complete before the store was asked to save"),
    (error: unknown) => assert.fail(`the answer was cut before the store was asked: ${String(error)}`),
  );
  await Promise.race([door.reached(), early]);
}

/** The operations that reached the first store, but for its set-up, which happens once. */
export function operations(context: AdapterRuleContext): StoreOperation[] {
  return context.store.calls.map(({ operation }) => operation).filter((one) => one !== "setup");
}

/** Gives turns until something is so. The rule's patience ends it otherwise. */
export async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets the managers' time pass, step by step, until an answer comes. Gives how much passed. */
export async function passTimeUntil(
  context: AdapterRuleContext,
  underWay: UnderWay,
  stepMs: number,
): Promise<number> {
  let passed = 0;
  const answer = { came: false };
  const stop = (): void => void (answer.came = true);
  underWay.reply.then(stop, stop);
  while (!answer.came) {
    await eventually(() => answer.came || context.clock.pending > 0);
    if (answer.came) break;
    context.clock.advance(stepMs);
    passed += stepMs;
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  return passed;
}

/** A place where so many requests wait for each other. */
export function meeting(count: number): () => Promise<void> {
  const door = gate();
  return async () => {
    void door.reached(count).then(() => door.open());
    await door.passage();
  };
}
