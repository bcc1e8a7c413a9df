import assert from "node:assert/strict";

import type { AdapterRule } from "./rule.ts";
import { group, rule } from "./rule.ts";
import { assertNoCookie, assertStatus, meeting, member, MINUTE, ROUTES, show, visitor } from "./support.ts";

const CROWD = 64;

/** P1 and P2: no lost updates, and logout wins. */
export const raceRules: readonly AdapterRule[] = group("overlapping requests", [
  rule("two that change different fields both survive", async (context) => {
    const together = meeting(2);
    const app = await context.start({
      ...ROUTES,
      "/both": async (route) => {
        await together();
        route.session.set(route.query("name") ?? "", "here");
        await together();
        return route.send({ body: "done" });
      },
    });
    const browser = await visitor(app);
    const replies = await Promise.all([browser.get("/both?name=one"), browser.get("/both?name=two")]);
    for (const reply of replies) assertStatus(reply, 200);
    assert.deepEqual((await show(browser)).data, { colour: "red", one: "here", two: "here" });
  }),
  rule(`${CROWD} increments of one field add up, and each is answered with 200`, async (context) => {
    const together = meeting(CROWD);
    const app = await context.start({
      ...ROUTES,
      "/add": async (route) => {
        await together();
        route.session.increment("count");
        return route.send({ body: "added" });
      },
    });
    const browser = await visitor(app);
    const replies = await Promise.all(Array.from({ length: CROWD }, () => browser.get("/add")));
    for (const reply of replies) assertStatus(reply, 200);
    assert.equal((await show(browser)).data["count"], CROWD);
  }),
  rule("two that assign one field are both answered, and one of the two values is there", async (context) => {
    const together = meeting(2);
    const app = await context.start({
      ...ROUTES,
      "/assign": async (route) => {
        await together();
        route.session.set("colour", route.query("to"));
        return route.send({ body: "set" });
      },
    });
    const browser = await visitor(app);
    const replies = await Promise.all([browser.get("/assign?to=blue"), browser.get("/assign?to=green")]);
    for (const reply of replies) assertStatus(reply, 200);
    assert.match(String((await show(browser)).data["colour"]), /^(blue|green)$/);
  }),
  rule("what one stages, another does not see before it is stored", async (context) => {
    const staged = meeting(2);
    const read = meeting(2);
    const app = await context.start({
      ...ROUTES,
      "/stage": async (route) => {
        route.session.set("colour", "blue");
        await staged();
        await read();
        return route.send({ body: "staged" });
      },
      "/look": async (route) => {
        await staged();
        const seen = String(route.session.get("colour"));
        await read();
        return route.send({ body: seen });
      },
    });
    const browser = await visitor(app);
    const [, looked] = await Promise.all([browser.get("/stage"), browser.get("/look")]);
    assert.equal(looked?.body, "red", "two requests share one session object");
  }),
  rule("two clients at the same time each have their own session", async (context) => {
    const together = meeting(2);
    const app = await context.start({
      ...ROUTES,
      "/own": async (route) => {
        await together();
        route.session.set("colour", route.query("to"));
        await together();
        return route.send({ body: "set" });
      },
    });
    const [one, other] = [app.browser(), app.browser()];
    await Promise.all([one.get("/own?to=blue"), other.get("/own?to=green")]);
    assert.equal((await show(one)).data["colour"], "blue");
    assert.equal((await show(other)).data["colour"], "green");
    assert.notEqual(one.token, other.token);
  }),
  rule("a logout wins over a slow writer, which leaves the cookie alone", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/slow": async (route) => {
        const lines = browser.cookieLines;
        route.session.set("colour", "blue");
        assertStatus(await app.send("/logout", { headers: lines }), 200);
        return route.send({ body: "written" });
      },
    });
    const browser = await member(app);
    const reply = await browser.get("/slow");
    assertStatus(reply, 200);
    assertNoCookie(reply);
    assert.deepEqual(await show(browser), { user: null, data: {} });
    assert.ok(context.events.some(({ name }) => name === "gone"));
  }),
  rule("a logout wins over a slow reader whose touch comes late", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/slow": async (route) => {
        const seen = route.session.user;
        assertStatus(await app.send("/logout", { headers: browser.cookieLines }), 200);
        return route.send({ body: String(seen) });
      },
    });
    const browser = await member(app);
    context.clock.advance(5 * MINUTE);
    const reply = await browser.get("/slow");
    assert.equal(reply.body, "ada");
    assertNoCookie(reply);
    assert.deepEqual(await show(browser), { user: null, data: {} });
  }),
  rule("a logout wins over a slow increment, which fails and leaves the cookie alone", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/slow": async (route) => {
        route.session.increment("count");
        await app.send("/logout", { headers: browser.cookieLines });
        return route.send({ body: "added" });
      },
    });
    const browser = await member(app);
    const reply = await browser.get("/slow");
    assertStatus(reply, 409);
    assertNoCookie(reply);
    assert.deepEqual(await show(browser), { user: null, data: {} });
  }),
  rule("a session that the manager revokes is over for a request in flight", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/slow": async (route) => {
        route.session.set("colour", "blue");
        assert.equal(await app.manager.revokeUser("ada"), 1);
        return route.send({ body: "written" });
      },
    });
    const browser = await member(app);
    assertNoCookie(await browser.get("/slow"));
    assert.deepEqual(await show(browser), { user: null, data: {} });
  }),
]);
