import assert from "node:assert/strict";

import { currentSession } from "../../core/context.ts";
import type { AdapterRule } from "./rule.ts";
import { group, rule } from "./rule.ts";
import { assertNoCookie, assertStatus, meeting, ROUTES, show, varyOf, visitor } from "./support.ts";

/** How an adapter sits in an application. */
export const mountingRules: readonly AdapterRule[] = group("in an application", [
  rule("of(request) is the handler's own session", async (context) => {
    const app = await context.start({
      "/same": (route) => route.send({ body: String(route.of() === route.session) }),
    });
    assert.equal((await app.send("/same")).body, "true");
  }),
  rule(
    "a request that is left out costs nothing, whatever cookie it has",
    { needs: ["only"] },
    async (context) => {
      const app = await context.start(
        { ...ROUTES, "/assets/logo": (route) => route.send({ body: "logo" }) },
        { only: (path) => !path.startsWith("/assets/") },
      );
      const browser = await visitor(app);
      context.store.forget();
      const reply = await browser.get("/assets/logo");
      assert.equal(reply.body, "logo");
      assertNoCookie(reply);
      assert.equal(varyOf(context, reply), undefined);
      assert.equal(context.store.count(), 0);
      assert.equal((await show(browser)).data["colour"], "red");
    },
  ),
  rule(
    "of(request) of a request that is left out throws ERR_SESSION_USE",
    { needs: ["only"] },
    async (context) => {
      const app = await context.start(
        {
          "/assets/logo": (route) => {
            try {
              route.of();
              return route.send({ body: "a session" });
            } catch (error) {
              return route.send({ body: (error as { readonly code: string }).code });
            }
          },
        },
        { only: (path) => !path.startsWith("/assets/") },
      );
      assert.equal((await app.send("/assets/logo")).body, "ERR_SESSION_USE");
    },
  ),
  rule(
    "two managers in one application each keep their own session and cookie",
    { needs: ["two managers"] },
    async (context) => {
      const app = await context.start(
        {
          "/both": (route) => {
            route.of("first").set("colour", "red");
            route.of("second").set("colour", "blue");
            return route.send({ body: "set" });
          },
          "/end": (route) => {
            route.of("second").logout();
            return route.send({ body: "out" });
          },
          "/read": (route) =>
            route.send({
              body: `${String(route.of("first").get("colour"))} ${String(route.of("second").get("colour"))}`,
            }),
        },
        { second: { cookie: { name: "__Host-admin" } } },
      );
      const browser = app.browser();
      const reply = await browser.get("/both");
      assert.equal(reply.cookies.length, 2, "one cookie for each manager");
      assert.equal((await browser.get("/read")).body, "red blue");
      assertStatus(await browser.get("/end"), 200);
      assert.equal((await browser.get("/read")).body, "red undefined");
    },
  ),
  rule("currentSession() is the request's own, wherever it is asked", async (context) => {
    const together = meeting(2);
    const app = await context.start(
      {
        ...ROUTES,
        "/deep": async (route) => {
          await together();
          const deep = await Promise.resolve().then(() => currentSession());
          await together();
          return route.send({ body: String(deep === route.session && currentSession() === route.session) });
        },
      },
      { manager: { context: true } },
    );
    const [one, other] = [await visitor(app), await visitor(app)];
    const replies = await Promise.all([one.get("/deep"), other.get("/deep")]);
    assert.deepEqual(
      replies.map(({ body }) => body),
      ["true", "true"],
    );
    assert.equal(currentSession(), null);
  }),
  rule("without the option there is no currentSession()", async (context) => {
    const app = await context.start({
      "/deep": (route) => route.send({ body: String(currentSession()) }),
    });
    assert.equal((await app.send("/deep")).body, "null");
  }),
]);
