import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import type { BridgeOptions } from "../../../src/bridges/express-session.ts";
import type { AnyStore } from "../../../src/core/store.ts";
import { faultyStore, manualClock } from "../../../src/testing/index.ts";
import { type App, Gates, SECRET, type StartApp } from "./apps.ts";

const CALL = { signal: new AbortController().signal };

/** Opens one more handle on the same data; the store is closed with the test. */
export type OpenStore = () => Promise<AnyStore>;

/** A client with a cookie jar of its own, whatever the cookie's name. */
class Client {
  cookies = "";
  readonly app: App;

  constructor(app: App, cookies = "") {
    this.app = app;
    this.cookies = cookies;
  }

  /** The same client at another server. */
  at(app: App): Client {
    return new Client(app, this.cookies);
  }

  async get(path: string): Promise<Record<string, unknown>> {
    const answer = await this.answer(path);
    assert.equal(answer.status, 200, `${path} answers ${answer.status}`);
    return (await answer.json()) as Record<string, unknown>;
  }

  async answer(path: string): Promise<Response> {
    const answer = await fetch(this.app.url + path, { headers: { cookie: this.cookies } });
    const set = answer.headers.getSetCookie().map((line) => line.split(";")[0] ?? "");
    if (set.length > 0) this.cookies = set.join("; ");
    return answer;
  }
}

/** What a library keeps of a session that holds nothing of the application's. */
function members(session: Record<string, unknown>): Record<string, unknown> {
  const { cookie: _, ...rest } = session;
  return rest;
}

/** How a library signs a session id into its cookie, for an attacker that has the secret. */
export type Forge = (sid: string) => string;

export const forgeExpress: Forge = (sid) => `connect.sid=${encodeURIComponent(`s:${signed(sid)}`)}`;
export const forgeFastify: Forge = (sid) => `sessionId=${encodeURIComponent(signed(sid))}`;
export const forgeKoa: Forge = (sid) => {
  const hash = createHmac("sha1", SECRET).update(`koa.sess=${sid}`).digest("base64url");
  return `koa.sess=${sid}; koa.sess.sig=${hash}`;
};

function signed(sid: string): string {
  return `${sid}.${createHmac("sha256", SECRET).update(sid).digest("base64").replace(/=+$/, "")}`;
}

/** What every bridge has to keep upon every store. */
export function bridgeScenarios(start: StartApp, forge: Forge, open: OpenStore): void {
  async function app(store: AnyStore, gates = new Gates(), options: BridgeOptions = {}): Promise<App> {
    const started = await start(store, gates, options);
    onTestFinished(() => started.close());
    return started;
  }

  test("a session is found again, by another process too", async () => {
    const client = new Client(await app(await open()));
    await client.get("/set/user/ann");
    await client.get("/set/theme/dark");
    const other = client.at(await app(await open()));
    assert.deepEqual(members(await other.get("/")), { user: "ann", theme: "dark" });
    assert.deepEqual(members(await new Client(other.app).get("/")), {});
  });

  test("overlapping requests that change different members both survive, in one process and in two (P1)", async () => {
    const gates = new Gates();
    const here = new Client(await app(await open(), gates));
    await here.get("/set/base/1");
    const there = here.at(await app(await open(), gates));
    const slow = [here.get("/slow/one/a/1"), here.get("/slow/two/b/2"), there.get("/slow/three/c/3")];
    for (const gate of ["one", "two", "three"]) await gates.reached(gate);
    await here.get("/set/base/2");
    for (const gate of ["two", "one", "three"]) gates.open(gate);
    await Promise.all(slow);
    assert.deepEqual(members(await here.get("/")), { a: "1", b: "2", base: "2", c: "3" });
  });

  test("of two that change one member the last wins, and the loss is told (P1)", async () => {
    const gates = new Gates();
    const client = new Client(await app(await open(), gates));
    await client.get("/set/a/0");
    const slow = client.get("/slow/gate/a/1");
    await gates.reached("gate");
    await client.get("/set/a/2");
    gates.open("gate");
    await slow;
    assert.equal((await client.get("/"))["a"], "1");
    assert.deepEqual(client.app.told, [{ name: "conflict", fields: ["a"] }]);
  });

  test("a value that goes back to what it was is stored, though an older request read it so", async () => {
    const gates = new Gates();
    const client = new Client(await app(await open(), gates));
    await client.get("/set/a/0");
    const slow = client.get("/slow/gate/b/1");
    await gates.reached("gate");
    await client.get("/set/a/1");
    await client.get("/set/a/0");
    gates.open("gate");
    await slow;
    assert.deepEqual(members(await client.get("/")), { a: "0", b: "1" });
    assert.deepEqual(client.app.told, []);
  });

  test("a logout wins over a request under way, in one process and in two (P2)", async () => {
    const gates = new Gates();
    const here = new Client(await app(await open(), gates));
    await here.get("/set/user/ann");
    const there = here.at(await app(await open(), gates));
    const before = here.cookies;
    const slow = [here.get("/slow/here/a/1"), there.get("/slow/there/b/1")];
    for (const gate of ["here", "there"]) await gates.reached(gate);
    await here.get("/end");
    for (const gate of ["here", "there"]) gates.open(gate);
    await Promise.all(slow);
    for (const { app: one } of [here, there]) {
      assert.deepEqual(members(await new Client(one, before).get("/")), {});
      assert.equal(one.told.length, 1);
      assert.equal(one.told[0]?.name, "gone");
    }
  });

  test("nothing that is stored opens a session, signed though it may be (P7)", async () => {
    const store = await open();
    const client = new Client(await app(store));
    await client.get("/set/user/ann");
    assert.ok(store.all);
    const { records } = await store.all({ limit: 100 }, CALL);
    const mine = records.filter(({ fields }) => fields["user"] === '"ann"');
    assert.ok(mine.length > 0);
    for (const { id, secretHash } of mine) {
      for (const sid of [id, secretHash, id + secretHash])
        assert.deepEqual(members(await new Client(client.app, forge(sid)).get("/")), {});
    }
    // Were the signature wrong, that would prove nothing.
    const sid = sidIn(client.cookies);
    assert.equal((await new Client(client.app, forge(sid)).get("/"))["user"], "ann");
    assert.ok(!JSON.stringify(records).includes(sid));
  });

  test("a session is over at its time", async () => {
    const clock = manualClock(Date.now());
    const client = new Client(await app(await open(), new Gates(), { clock }));
    await client.get("/set/user/ann");
    clock.advance(59_000);
    assert.equal((await client.get("/"))["user"], "ann");
    clock.advance(30_000);
    clock.advance(120_000);
    assert.deepEqual(members(await client.get("/")), {});
  });

  test("an outage is an error and not a new session (P9)", async () => {
    const faulty = faultyStore(await open());
    const client = new Client(await app(faulty.store));
    await client.get("/set/user/ann");
    const before = client.cookies;
    faulty.always("read", () => Promise.reject(new Error("down")));
    const answer = await client.answer("/");
    expect(answer.status).toBeGreaterThanOrEqual(500);
    assert.equal(client.cookies, before);
    assert.ok(!(await answer.text()).includes("down"));
  });
}

function sidIn(cookies: string): string {
  const value = decodeURIComponent(cookies.split(";")[0]?.replace(/^[^=]*=/, "") ?? "");
  return value.replace(/^s:/, "").split(".")[0] ?? "";
}
