import assert from "node:assert/strict";

import type { RouteContext } from "../adapter-subject.ts";
import { failsBefore } from "../faults.ts";
import type { AdapterRule, AdapterRuleContext } from "./rule.ts";
import { group, rule } from "./rule.ts";
import {
  assertNoCookie,
  assertNoDetail,
  assertStatus,
  COOKIE,
  cookieOf,
  member,
  ROUTES,
  show,
  STORE_DETAIL,
  visitor,
} from "./support.ts";

const DETAIL = "this is the handler's own affair";

/** A way for a route to end. */
type End = (context: RouteContext) => unknown;

const throws: End = () => {
  throw new Error(DETAIL);
};

const throwsNothing: End = () => {
  throw undefined;
};

function answers(status: number): End {
  return (context) => context.send({ status, body: "end" });
}

function throwsError(properties: object): End {
  return () => {
    throw Object.assign(new Error(DETAIL), properties);
  };
}

async function* sorry(): AsyncGenerator<string> {
  yield "sor";
  yield "ry";
}

/** Serves routes that change, log in or log out, and then come to an end. */
function routesOf(end: End): Record<string, (context: RouteContext) => unknown> {
  return {
    ...ROUTES,
    "/change": (context) => {
      context.session.set("colour", "blue");
      return end(context);
    },
    "/enter": (context) => {
      context.session.login("eve");
      return end(context);
    },
    "/leave": (context) => {
      context.session.logout();
      return end(context);
    },
    "/kept": async (context) => {
      context.session.set("colour", "green");
      await context.session.commit();
      context.session.set("colour", "blue");
      return end(context);
    },
  };
}

async function rollsBack(context: AdapterRuleContext, end: End, status: number): Promise<void> {
  const app = await context.start(routesOf(end));
  const stranger = app.browser();
  for (const path of ["/change", "/enter"]) {
    const reply = await stranger.get(path);
    assertStatus(reply, status);
    assertNoCookie(reply);
  }
  assert.equal(context.store.count("create"), 0, "a failed request stored a new session");

  const browser = await visitor(app);
  const { token } = browser;
  for (const path of ["/change", "/enter"]) {
    const reply = await browser.get(path);
    assertStatus(reply, status);
    assertNoCookie(reply);
    assert.ok(!reply.body.includes(DETAIL));
  }
  assert.equal(browser.token, token);
  assert.deepEqual(await show(browser), { user: null, data: { colour: "red" } });
}

async function saves(context: AdapterRuleContext, end: End, status: number): Promise<void> {
  const app = await context.start(routesOf(end));
  const browser = await visitor(app);
  assertStatus(await browser.get("/change"), status);
  assert.equal((await show(browser)).data["colour"], "blue");
  const stranger = app.browser();
  assertStatus(await stranger.get("/enter"), status);
  assert.equal((await show(stranger)).user, "eve", "the cookie of a login in such an answer is lost");
}

async function ends(context: AdapterRuleContext, end: End): Promise<void> {
  const app = await context.start(routesOf(end));
  const browser = await member(app);
  const lines = browser.cookieLines;
  const reply = await browser.get("/leave");
  assert.ok(reply.status >= 500);
  assert.equal(cookieOf(reply).value, "", "the cookie of the ended session is to be revoked");
  const after = await app.send("/show", { headers: lines });
  assert.deepEqual(
    after.json(),
    { user: null, data: {} },
    "the logout of a failed request did not take place",
  );
}

/** P4: a failed request changes nothing. */
export const failureRules: readonly AdapterRule[] = group("a failed request changes nothing", [
  rule("an unexpected error rolls back all that was staged", (context) => rollsBack(context, throws, 500)),
  rule("a thrown value that is no error rolls back all that was staged", (context) =>
    rollsBack(context, throwsNothing, 500),
  ),
  rule("an error that bears a status of 500 or above rolls back all that was staged", (context) =>
    rollsBack(context, throwsError({ status: 503 }), 503),
  ),
  rule("an answer with status 500 rolls back all that was staged", (context) =>
    rollsBack(context, answers(500), 500),
  ),
  rule("an answer piece by piece with status 500 rolls back all that was staged", (context) =>
    rollsBack(context, (route) => route.stream({ status: 500 }, sorry()), 500),
  ),
  rule("an answer with status 503 rolls back all that was staged", (context) =>
    rollsBack(context, answers(503), 503),
  ),
  rule(
    "an unexpected error rolls back whatever status it is shown with",
    { needs: ["thrown errors"] },
    (context) => rollsBack(context, throwsError({ shownAs: 422 }), 422),
  ),
  rule("an answer with status 400 saves", (context) => saves(context, answers(400), 400)),
  rule("an answer with status 404 saves", (context) => saves(context, answers(404), 404)),
  rule("an answer with status 499 saves", (context) => saves(context, answers(499), 499)),
  rule("an error that bears a status below 500 saves", (context) =>
    saves(context, throwsError({ status: 422 }), 422),
  ),
  rule("a thrown answer saves, and carries the cookie", { needs: ["thrown answers"] }, (context) =>
    saves(context, (route) => route.throwAnswer({ status: 403, body: "no" }), 403),
  ),
  rule("a thrown redirect saves, and carries the cookie", { needs: ["thrown answers"] }, (context) =>
    saves(context, (route) => route.throwAnswer({ status: 303, headers: [["location", "/show"]] }), 303),
  ),
  rule(
    "a thrown answer with status 500 rolls back all that was staged",
    { needs: ["thrown answers"] },
    (context) => rollsBack(context, (route) => route.throwAnswer({ status: 500, body: "no" }), 500),
  ),
  rule("a logout takes place although an error follows, and the cookie is revoked", (context) =>
    ends(context, throws),
  ),
  rule("a logout takes place although the answer is a 500, and the cookie is revoked", (context) =>
    ends(context, answers(500)),
  ),
  rule("what commit() stored stays stored when the request fails", async (context) => {
    const app = await context.start(routesOf(throws));
    const browser = await visitor(app);
    assertStatus(await browser.get("/kept"), 500);
    assert.equal((await show(browser)).data["colour"], "green");
    const stranger = app.browser();
    assertStatus(await stranger.get("/kept"), 500);
    assert.equal(
      (await show(stranger)).data["colour"],
      "green",
      "the cookie of what commit() stored is lost",
    );
  }),
  rule(
    "a logout that cannot reach the store is a failure that leaves the cookie, so that it can be repeated",
    async (context) => {
      const app = await context.start(ROUTES);
      const browser = await member(app);
      context.store.always("delete", failsBefore(new Error(STORE_DETAIL)));
      const reply = await browser.get("/logout");
      assert.ok(reply.status >= 500, `a logout that did not happen was answered with ${reply.status}`);
      assertNoCookie(reply);
      assertNoDetail(reply);
      context.store.heal();
      assert.equal((await show(browser)).user, "ada");
      const again = await browser.get("/logout");
      assertStatus(again, 200);
      assert.equal(browser.jar.value(COOKIE), undefined);
    },
  ),
  rule("a commit that fails drops the changes, but its logout takes place", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/leave": (route) => {
        route.session.logout();
        route.session.set("colour", () => "not a value");
        return route.send({ body: "left" });
      },
    });
    const browser = await member(app);
    const lines = browser.cookieLines;
    assertStatus(await browser.get("/leave"), 500);
    const after = await app.send("/show", { headers: lines });
    assert.equal((after.json() as { user: unknown }).user, null);
  }),
  rule("a value that cannot be stored fails the request, and nothing of it is stored", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/change": (route) => {
        route.session.set("colour", "blue");
        route.session.set("odd", () => "not a value");
        return route.send({ body: "changed" });
      },
    });
    const browser = await visitor(app);
    const reply = await browser.get("/change");
    assertStatus(reply, 500);
    assertNoDetail(reply);
    assert.deepEqual((await show(browser)).data, { colour: "red" });
  }),
]);
