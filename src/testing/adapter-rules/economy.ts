import assert from "node:assert/strict";

import type { AdapterRule } from "./rule.ts";
import { group, rule } from "./rule.ts";
import {
  assertNoCookie,
  assertStatus,
  eventually,
  MINUTE,
  operations,
  ROUTES,
  SECOND,
  show,
  varyOf,
  visitor,
} from "./support.ts";

/** P5 and P6: anonymous traffic is free, and unchanged costs one read. */
export const economyRules: readonly AdapterRule[] = group("what a request costs", [
  rule("a request without a cookie that does not look at the session leaves no trace", async (context) => {
    const app = await context.start(ROUTES);
    const reply = await app.send("/blank");
    assert.equal(reply.body, "blank");
    assertNoCookie(reply);
    assert.equal(varyOf(context, reply), undefined);
    assert.equal(reply.header("cache-control"), undefined);
    assert.equal(context.store.count(), 0);
  }),
  rule("a request without a cookie that only looks calls no store and sets no cookie", async (context) => {
    const app = await context.start(ROUTES);
    const reply = await app.send("/show");
    assert.deepEqual(reply.json(), { user: null, data: {} });
    assertNoCookie(reply);
    assert.equal(context.store.count(), 0);
  }),
  rule("a session that is emptied again in the same request is never stored", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/undecided": (route) => {
        route.session.set("colour", "blue");
        route.session.delete("colour");
        return route.send({ body: "nothing" });
      },
    });
    assertNoCookie(await app.send("/undecided"));
    assert.equal(context.store.count(), 0);
  }),
  rule("an unchanged request costs one read and no write, and sets no cookie", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    context.store.forget();
    assertNoCookie(await browser.get("/show"));
    assert.deepEqual(operations(context), ["read"]);
  }),
  rule("assigning what is there already writes nothing", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    context.store.forget();
    assertStatus(await browser.get("/set?to=red"), 200);
    assert.equal(context.store.count("update"), 0);
  }),
  rule("a changed request costs one read and one write, and sets no cookie", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    context.store.forget();
    assertNoCookie(await browser.get("/set?to=blue"));
    assert.deepEqual(operations(context), ["read", "update"]);
  }),
  rule("what commit() stored is not written again with the answer", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/save": async (route) => {
        route.session.set("colour", route.query("to"));
        await route.session.commit();
        return route.send({ body: "saved" });
      },
    });
    const browser = app.browser();
    assertStatus(await browser.get("/save?to=red"), 200);
    assert.deepEqual(operations(context), ["create"]);
    context.store.forget();
    assertNoCookie(await browser.get("/save?to=blue"));
    assert.deepEqual(operations(context), ["read", "update"]);
    assert.equal((await show(browser)).data["colour"], "blue");
  }),
  rule("a value that is changed in place is seen and stored", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/cart": (route) => {
        const cart = (route.session.data["cart"] ??= []) as string[];
        cart.push("shoe");
        return route.send({ body: "added" });
      },
    });
    const browser = await visitor(app);
    await browser.get("/cart");
    await browser.get("/cart");
    assert.deepEqual((await show(browser)).data["cart"], ["shoe", "shoe"]);
  }),
  rule("the access time moves by a throttled touch", async (context) => {
    const app = await context.start({ ...ROUTES });
    const browser = await visitor(app);
    context.store.forget();
    context.clock.advance(30 * SECOND);
    await browser.get("/show");
    assert.equal(context.store.count("update"), 0, "a touch before the access time is a minute old");
    context.clock.advance(2 * MINUTE);
    await browser.get("/show");
    await eventually(() => context.store.count("update") === 1);
    await app.settle();
    await browser.get("/show");
    await app.settle();
    assert.equal(context.store.count("update"), 1, "a touch for each request");
  }),
  rule("a touch that fails fails no request", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    context.clock.advance(2 * MINUTE);
    context.store.always("update", () => Promise.reject(new Error("no touch")));
    assert.equal((await show(browser)).data["colour"], "red");
    await eventually(() => context.store.count("update") > 0);
    await app.settle();
  }),
]);
