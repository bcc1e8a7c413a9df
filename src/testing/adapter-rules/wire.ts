import assert from "node:assert/strict";

import { requestText } from "../adapter-client/app.ts";
import type { AdapterRule } from "./rule.ts";
import { group, rule } from "./rule.ts";
import { assertStatus, atGate, cookieOf, held, ROUTES, show, visitor } from "./support.ts";

const SOCKETS = { needs: ["sockets"] } as const;

/** What only real connections show. */
export const wireRules: readonly AdapterRule[] = group("on the wire", [
  rule(
    "pipelined requests are answered in order, each with what the ones before it stored",
    SOCKETS,
    async (context) => {
      const app = await context.start({
        ...ROUTES,
        "/add": (route) => route.send({ body: String(route.session.increment("count")) }),
      });
      const browser = await visitor(app);
      const connection = await app.connect();
      const one = requestText("GET", "/add", browser.cookieLines);
      connection.write(one + one + one + requestText("GET", "/show", browser.cookieLines));
      for (let turn = 0; turn < 3; turn += 1) assertStatus(await connection.reply(), 200);
      assertStatus(await connection.reply(), 200);
      assert.equal((await show(browser)).data["count"], 3);
    },
  ),
  rule(
    "an answer that waits for its save holds back the pipelined one behind it",
    SOCKETS,
    async (context) => {
      const app = await context.start(ROUTES);
      const browser = await visitor(app);
      const door = held(context, "update");
      const connection = await app.connect();
      connection.write(requestText("GET", "/set?to=blue", browser.cookieLines) + requestText("GET", "/ping"));
      await door.reached();
      await app.settle();
      assert.equal(connection.received, 0);
      door.open();
      assert.equal((await connection.reply()).body, "set");
      assert.equal((await connection.reply()).body, "pong");
    },
  ),
  rule("clients that share a connection never share a session", SOCKETS, async (context) => {
    const app = await context.start(ROUTES);
    const [one, other] = [await visitor(app), app.browser()];
    const connection = await app.connect();
    connection.write(requestText("GET", "/show", one.cookieLines));
    assert.deepEqual(((await connection.reply()).json() as { data: unknown }).data, { colour: "red" });
    connection.write(requestText("GET", "/show", other.cookieLines));
    assert.deepEqual(((await connection.reply()).json() as { data: unknown }).data, {});
    connection.write(requestText("GET", "/set?to=green"));
    cookieOf(await connection.reply());
    connection.write(requestText("GET", "/blank"));
    assert.deepEqual((await connection.reply()).cookies, []);
  }),
  rule("a client that leaves in the middle of a save loses nothing of it", SOCKETS, async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    const door = held(context, "update");
    const connection = await app.connect();
    connection.write(requestText("GET", "/set?to=blue", browser.cookieLines));
    await door.reached();
    connection.cut();
    await connection.rest();
    await app.settle();
    door.open();
    await app.settle();
    assert.equal((await show(browser)).data["colour"], "blue");
  }),
  rule("a client that leaves while its session is loaded harms nobody", SOCKETS, async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    const door = held(context, "read");
    const connection = await app.connect();
    connection.write(requestText("GET", "/show", browser.cookieLines));
    await door.reached();
    connection.cut();
    await connection.rest();
    await app.settle();
    door.open();
    await app.settle();
    assert.equal((await show(browser)).data["colour"], "red");
  }),
  rule("a client that leaves in the middle of a failing save harms nobody", SOCKETS, async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    let fail = (): void => {};
    const failing = new Promise<never>((_resolve, reject) => (fail = () => reject(new Error("down"))));
    failing.catch(() => undefined);
    context.store.always("update", () => failing);
    const connection = await app.connect();
    connection.write(requestText("GET", "/set?to=blue", browser.cookieLines));
    while (context.store.count("update") === 0) await app.settle();
    connection.cut();
    await connection.rest();
    fail();
    await app.settle();
    context.store.heal();
    assert.equal((await show(browser)).data["colour"], "red");
  }),
  rule("an answer to HEAD leaves the connection good for the next request", SOCKETS, async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    const connection = await app.connect();
    connection.write(requestText("HEAD", "/set?to=blue", browser.cookieLines));
    assertStatus(await connection.reply("HEAD"), 200);
    connection.write(requestText("GET", "/show", browser.cookieLines));
    assert.deepEqual(((await connection.reply()).json() as { data: unknown }).data, { colour: "blue" });
  }),
  rule("a save that fails leaves the connection good for the next request", SOCKETS, async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    context.store.always("update", () => Promise.reject(new Error("down")));
    const connection = await app.connect();
    connection.write(requestText("GET", "/set?to=blue", browser.cookieLines));
    assertStatus(await connection.reply(), 503);
    context.store.heal();
    connection.write(requestText("GET", "/show", browser.cookieLines));
    assert.deepEqual(((await connection.reply()).json() as { data: unknown }).data, { colour: "red" });
  }),
  rule(
    "a request and its answer see the same session while another connection waits",
    SOCKETS,
    async (context) => {
      const app = await context.start(ROUTES);
      const [slow, quick] = [await visitor(app), await visitor(app)];
      const door = held(context, "update");
      const underWay = await slow.begin("/set?to=blue");
      await atGate(door, underWay);
      assertStatus(await quick.get("/set?to=green"), 200);
      assert.equal(underWay.arrived, false);
      door.open();
      await underWay.reply;
      assert.equal((await show(slow)).data["colour"], "blue");
      assert.equal((await show(quick)).data["colour"], "green");
    },
  ),
]);
