import assert from "node:assert/strict";

import { failsBefore, gate, hangs, throwsAtOnce, waitsBefore, type Fault } from "../faults.ts";
import type { AdapterRule, AdapterRuleContext } from "./rule.ts";
import { group, rule } from "./rule.ts";
import {
  assertNoCookie,
  assertNoDetail,
  assertStatus,
  atGate,
  held,
  passTimeUntil,
  ROUTES,
  SECOND,
  show,
  STORE_DETAIL,
  visitor,
} from "./support.ts";

const FAULTS: Readonly<Record<string, Fault>> = {
  "rejects with an error": failsBefore(new Error(STORE_DETAIL)),
  "rejects with undefined": failsBefore(undefined),
  "rejects with a text": failsBefore(STORE_DETAIL),
  "rejects with an object that has a status": failsBefore({ status: 200, message: STORE_DETAIL }),
  "throws before it returns a promise": throwsAtOnce(new Error(STORE_DETAIL)),
};

async function fails(context: AdapterRuleContext, fault: Fault): Promise<void> {
  const app = await context.start(ROUTES);
  const browser = await visitor(app);
  context.store.always("read", fault);
  const reply = await browser.get("/show");
  assertStatus(reply, 503);
  assertNoCookie(reply);
  assertNoDetail(reply);
  assertStatus(await app.send("/show"), 200);
  context.store.heal();
  assert.equal((await show(browser)).data["colour"], "red");
}

/** P9: outages are bounded, and never become a silent new session. */
export const outageRules: readonly AdapterRule[] = group("outages", [
  ...Object.entries(FAULTS).map(([name, fault]) =>
    rule(`a store that ${name} is answered with 503, and the cookie stays good`, (context) =>
      fails(context, fault),
    ),
  ),
  rule("a store that never answers is answered with 503 at the deadline", async (context) => {
    const app = await context.start(ROUTES, { manager: { deadline: "2s" } });
    const browser = await visitor(app);
    context.store.always("read", hangs());
    const underWay = await browser.begin("/show");
    const passed = await passTimeUntil(context, underWay, 500);
    assert.ok(passed <= 2 * SECOND, `${passed} ms passed before an answer`);
    const reply = await underWay.reply;
    assertStatus(reply, 503);
    assertNoCookie(reply);
    context.store.heal();
    assert.equal((await show(browser)).data["colour"], "red");
  }),
  rule("an answer of the store after the deadline changes nothing any more", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    const door = gate();
    context.store.next("read", waitsBefore(door));
    const underWay = await browser.begin("/show");
    await passTimeUntil(context, underWay, SECOND);
    assertStatus(await underWay.reply, 503);
    door.open();
    await app.settle();
    assert.equal((await show(browser)).data["colour"], "red");
  }),
  rule("a save that is never answered becomes a failure within a bounded time", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    context.store.always("update", hangs());
    const underWay = await browser.begin("/set?to=blue");
    const passed = await passTimeUntil(context, underWay, SECOND);
    assert.ok(passed <= 60 * SECOND, `${passed} ms passed before an answer`);
    const reply = await underWay.reply;
    assertStatus(reply, 503);
    assertNoCookie(reply);
    context.store.heal();
    assert.equal((await show(browser)).data["colour"], "red");
  }),
  rule("a slow store only makes its own client wait", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    const door = held(context, "read");
    const underWay = await browser.begin("/show");
    await atGate(door, underWay);
    await app.settle();
    assertStatus(await app.send("/show"), 200);
    door.open();
    assertStatus(await underWay.reply, 200);
  }),
  rule(
    "by the policy of anonymity a request goes on without its session, and leaves the cookie alone",
    async (context) => {
      const app = await context.start(
        {
          ...ROUTES,
          "/try": (route) => {
            try {
              route.session.set("colour", "blue");
              return route.send({ body: "staged" });
            } catch (error) {
              return route.send({ status: 409, body: (error as { readonly code: string }).code });
            }
          },
        },
        { manager: { onStoreFailure: "anonymous" } },
      );
      const browser = await visitor(app);
      const { token } = browser;
      context.store.always("read", failsBefore(new Error(STORE_DETAIL)));
      const reply = await browser.get("/show");
      assertStatus(reply, 200);
      assert.deepEqual(reply.json(), { user: null, data: {} });
      assertNoCookie(reply);
      const tried = await browser.get("/try");
      assert.equal(tried.body, "ERR_SESSION_STORE_UNAVAILABLE");
      assertNoCookie(tried);
      context.store.heal();
      assert.equal(browser.token, token);
      assert.equal((await show(browser)).data["colour"], "red");
    },
  ),
  rule("a store that fails harms no request without a cookie", async (context) => {
    const app = await context.start(ROUTES);
    context.store.always("read", failsBefore(new Error(STORE_DETAIL)));
    context.store.always("create", failsBefore(new Error(STORE_DETAIL)));
    assertStatus(await app.send("/blank"), 200);
    assertStatus(await app.send("/show"), 200);
    assertNoDetail(await app.send("/set"));
  }),
]);
