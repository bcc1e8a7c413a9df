import assert from "node:assert/strict";

import {
  COOKIE,
  assertNoCookie,
  assertStatus,
  cookieOf,
  HOUR,
  meeting,
  member,
  MINUTE,
  ROUTES,
  show,
  visitor,
} from "./support.ts";
import type { AdapterRule } from "./rule.ts";
import { group, rule } from "./rule.ts";

/** New secrets, as clients see them. */
export const rotationRules: readonly AdapterRule[] = group("new secrets", [
  rule(
    "a login gives a new token of the same session, and the one before is dead at once",
    async (context) => {
      const app = await context.start(ROUTES);
      const browser = await visitor(app);
      const before = browser.cookieLines;
      const { token } = browser;
      await browser.get("/login?user=ada");
      assert.notEqual(browser.token, token);
      assert.equal(browser.token?.slice(0, 24), token?.slice(0, 24));
      const stale = await app.send("/show", { headers: before });
      assert.deepEqual(stale.json(), { user: null, data: {} });
      assert.deepEqual(await show(browser), { user: "ada", data: { colour: "red" } });
    },
  ),
  rule(
    "a login as another user is a new session with nothing of the old, which has ended",
    async (context) => {
      const app = await context.start(ROUTES);
      const browser = await member(app, "ada");
      const before = browser.cookieLines;
      const { token } = browser;
      await browser.get("/login?user=bob");
      assert.notEqual(browser.token?.slice(0, 24), token?.slice(0, 24));
      assert.deepEqual(await show(browser), { user: "bob", data: {} });
      const stale = await app.send("/show", { headers: before });
      assert.deepEqual(stale.json(), { user: null, data: {} });
    },
  ),
  rule("a request in flight under the token before a login cannot write", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/slow": async (route) => {
        route.session.set("colour", "planted");
        await browser.get("/login?user=ada");
        return route.send({ body: "written" });
      },
    });
    const browser = await visitor(app);
    assertNoCookie(await app.send("/slow", { headers: browser.cookieLines }));
    assert.deepEqual(await show(browser), { user: "ada", data: { colour: "red" } });
  }),
  rule("a logout and a login in one request leave one new session", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/switch": (route) => {
        route.session.logout();
        route.session.login("bob");
        return route.send({ body: "switched" });
      },
    });
    const browser = await member(app);
    const before = browser.cookieLines;
    cookieOf(await browser.get("/switch"));
    assert.deepEqual(await show(browser), { user: "bob", data: {} });
    const stale = await app.send("/show", { headers: before });
    assert.deepEqual(stale.json(), { user: null, data: {} });
  }),
  rule("a periodic new secret whose answer is lost logs nobody out, and comes again", async (context) => {
    const app = await context.start(ROUTES, { manager: { rotateEvery: "1h" } });
    const browser = await member(app);
    const before = browser.cookieLines;
    context.clock.advance(HOUR);
    const lost = cookieOf(await app.send("/show", { headers: before })).value;
    const again = await browser.get("/show");
    assert.equal(cookieOf(again).value, lost, "the client that lost the answer gets another token");
    assert.equal((again.json() as { user: unknown }).user, "ada");
    assert.equal((await show(browser)).user, "ada");
  }),
  rule(
    "parallel requests at a periodic new secret all stay logged in, with one successor",
    async (context) => {
      const together = meeting(4);
      const app = await context.start(
        {
          ...ROUTES,
          "/parallel": async (route) => {
            await together();
            return route.send({ body: String(route.session.user) });
          },
        },
        { manager: { rotateEvery: "1h" } },
      );
      const browser = await member(app);
      const headers = browser.cookieLines;
      context.clock.advance(HOUR);
      const replies = await Promise.all([1, 2, 3, 4].map(() => app.send("/parallel", { headers })));
      for (const reply of replies) assert.equal(reply.body, "ada");
      const successors = new Set(replies.flatMap((reply) => reply.cookies));
      assert.equal(successors.size, 1, `${successors.size} successors of one token`);
      browser.jar.take([...successors], app.origin);
      assert.equal((await show(browser)).user, "ada");
    },
  ),
  rule("the token before a periodic new secret opens for a grace, and then no more", async (context) => {
    const app = await context.start(ROUTES, { manager: { rotateEvery: "1h" } });
    const browser = await member(app);
    const headers = browser.cookieLines;
    context.clock.advance(HOUR);
    await browser.get("/show");
    await browser.get("/show");
    await app.settle();
    const inGrace = await app.send("/show", { headers });
    assert.equal((inGrace.json() as { user: unknown }).user, "ada");
    context.clock.advance(5 * MINUTE);
    const after = await app.send("/show", { headers });
    assert.equal((after.json() as { user: unknown }).user, null);
    assertNoCookie(after);
    assert.ok(context.events.some(({ name }) => name === "theft"));
    assert.equal((await show(browser)).user, "ada", "an old copy must not end the session");
  }),
  rule("a logout leaves no cookie, and the next visit starts anew", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await member(app);
    const { token } = browser;
    assertStatus(await browser.get("/logout"), 200);
    assert.equal(browser.jar.value(COOKIE), undefined);
    await browser.get("/set");
    assert.notEqual(browser.token?.slice(0, 24), token?.slice(0, 24));
  }),
]);
