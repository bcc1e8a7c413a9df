import assert from "node:assert/strict";

import type { AdapterRule, AdapterRuleContext } from "./rule.ts";
import { group, rule } from "./rule.ts";
import type { Route } from "../adapter-subject.ts";
import { failsBefore, type StoreOperation } from "../faults.ts";
import {
  assertNoCookie,
  assertNoDetail,
  assertStatus,
  atGate,
  held,
  ROUTES,
  show,
  STORE_DETAIL,
  visitor,
} from "./support.ts";

async function* pieces(...texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}

/** The ways to answer that every adapter has. */
const WAYS: Readonly<Record<string, Route>> = {
  "in one go": (context) => context.send({ body: "changed" }),
  "with an empty body": (context) => context.send({}),
  "with a redirect": (context) => context.redirect("/show"),
  "piece by piece": (context) => context.stream({}, pieces("chan", "ged")),
  "with 304": (context) => context.send({ status: 304, headers: [["etag", '"1"']] }),
  "with 204": (context) => context.send({ status: 204 }),
  "with 404": (context) => context.send({ status: 404, body: "nothing here" }),
};

/** A route that changes the session and answers in a way. */
function changing(way: Route): Route {
  return (context) => {
    context.session.set("colour", "blue");
    return way(context);
  };
}

async function waitsForTheSave(context: AdapterRuleContext, way: Route, method = "GET"): Promise<void> {
  const app = await context.start({ ...ROUTES, "/change": changing(way) });
  const browser = await visitor(app);
  const door = held(context, "update");
  const underWay = await browser.begin("/change", { method });
  await atGate(door, underWay);
  await app.settle();
  assert.equal(underWay.arrived, false, "something of the answer left before the change was stored");
  door.open();
  await underWay.reply;
  assert.equal((await show(browser)).data["colour"], "blue");
}

async function failsWithTheSave(
  context: AdapterRuleContext,
  way: Route,
  operation: "create" | "update",
): Promise<void> {
  const app = await context.start({ ...ROUTES, "/change": changing(way) });
  const browser = operation === "update" ? await visitor(app) : app.browser();
  const before = browser.token;
  context.store.always(operation, failsBefore(new Error(STORE_DETAIL)));
  const reply = await browser.get("/change");
  assert.ok(reply.status >= 500, `a save that failed was answered with ${reply.status}`);
  assertNoCookie(reply);
  assertNoDetail(reply);
  assert.equal(reply.header("location"), undefined, "the answer that was dropped left its Location");
  assert.match(reply.header("cache-control") ?? "no-store", /no-store/);
  context.store.heal();
  assert.equal(browser.token, before);
  if (operation === "update") assert.equal((await show(browser)).data["colour"], "red");
  // A framework may give the answer to the error an ETag of its own.
  const kept = (await browser.get("/change")).header("etag");
  if (kept !== undefined)
    assert.notEqual(reply.header("etag"), kept, "the answer that was dropped left its ETag");
}

const wayRules = Object.entries(WAYS).flatMap(([name, way]) => [
  rule(`nothing of an answer ${name} leaves before the change is stored`, (context) =>
    waitsForTheSave(context, way),
  ),
  rule(
    `an answer ${name} whose save fails becomes a failure, without a cookie or a detail of the store`,
    (context) => failsWithTheSave(context, way, "update"),
  ),
]);

function heldCall(operation: StoreOperation, path: string): (context: AdapterRuleContext) => Promise<void> {
  return async (context) => {
    const app = await context.start(ROUTES);
    const browser = operation === "create" ? app.browser() : await visitor(app);
    const door = held(context, operation);
    const underWay = await browser.begin(path);
    await atGate(door, underWay);
    await app.settle();
    assert.equal(underWay.arrived, false, `something of the answer left before the store's ${operation}`);
    door.open();
    assertStatus(await underWay.reply, 200);
  };
}

/** P3: saved before seen. */
export const savingRules: readonly AdapterRule[] = group("saved before seen", [
  ...wayRules,
  rule("nothing of an answer to HEAD leaves before the change is stored", (context) =>
    waitsForTheSave(context, (route) => route.send({ body: "changed" }), "HEAD"),
  ),
  rule(
    "nothing of an answer in any further way of the framework leaves before the change is stored",
    async (context) => {
      for (const way of context.subject.ways ?? [])
        await waitsForTheSave(context, (route) => route.answerBy(way, "changed"));
    },
  ),
  rule(
    "an answer in any further way of the framework whose save fails becomes a failure",
    async (context) => {
      for (const way of context.subject.ways ?? []) {
        await failsWithTheSave(context, (route) => route.answerBy(way, "changed"), "update");
      }
    },
  ),
  rule("a new session is stored before its cookie leaves", heldCall("create", "/set")),
  rule("a session has ended before the answer to its logout leaves", heldCall("delete", "/logout")),
  rule("a login is stored before its cookie leaves", heldCall("update", "/login")),
  rule("a new session that cannot be stored is a failure, and sets no cookie", (context) =>
    failsWithTheSave(context, (route) => route.send({ body: "changed" }), "create"),
  ),
  rule("a message that goes with a redirect is shown by the next page, once", async (context) => {
    const app = await context.start({
      "/order": (route) => {
        route.session.flash("notice", "Thank you");
        return route.redirect("/thanks");
      },
      "/thanks": (route) => route.send({ body: JSON.stringify(route.session.flash("notice")) }),
    });
    const browser = app.browser();
    assertStatus(await browser.get("/order", { method: "POST" }), 302);
    assert.deepEqual((await browser.get("/thanks")).json(), ["Thank you"]);
    assert.deepEqual((await browser.get("/thanks")).json(), []);
  }),
  rule("a save that another request makes impossible is answered with 409", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/take": async (route) => {
        const taken = route.session.take("colour");
        await route.session.commit().catch(() => undefined);
        return route.send({ body: String(taken) });
      },
      "/slow": async (route) => {
        const taken = route.session.take("colour");
        await app.send("/take", { headers: browser.cookieLines });
        return route.send({ body: String(taken) });
      },
    });
    const browser = await visitor(app);
    const reply = await browser.get("/slow");
    assertStatus(reply, 409);
    assertNoCookie(reply);
  }),
  rule(
    "what commit() stored is there at once, for others too, and its error can be caught",
    async (context) => {
      const app = await context.start({
        ...ROUTES,
        "/commit": async (route) => {
          route.session.set("colour", "blue");
          await route.session.commit();
          const seen = await app.send("/show", { headers: browser.cookieLines });
          return route.send({ body: seen.body });
        },
        "/caught": async (route) => {
          route.session.set("colour", "green");
          const code = await route.session.commit().then(
            () => "none",
            (error: { readonly code: string }) => error.code,
          );
          context.store.heal();
          return route.send({ status: 400, body: code });
        },
      });
      const browser = await visitor(app);
      const reply = await browser.get("/commit");
      assert.deepEqual((reply.json() as { data: unknown }).data, { colour: "blue" });
      context.store.always("update", failsBefore(new Error(STORE_DETAIL)));
      const caught = await browser.get("/caught");
      assert.match(caught.body, /^ERR_SESSION_/);
    },
  ),
]);
