import assert from "node:assert/strict";

import type { Session } from "../../core/session.ts";
import type { AdapterRule, AdapterRuleContext } from "./rule.ts";
import { group, rule } from "./rule.ts";
import {
  assertNoCookie,
  assertStatus,
  COOKIE,
  cookieOf,
  member,
  ROUTES,
  show,
  varyOf,
  visitor,
} from "./support.ts";

const ATTRIBUTES = ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"];

/** Every way to look at a session. */
const LOOKS: Readonly<Record<string, (session: Session) => unknown>> = {
  "has()": (session) => session.has("colour"),
  "get()": (session) => session.get("colour"),
  "keys()": (session) => session.keys(),
  "a property of data": (session) => session.data["colour"],
  "iteration over data": (session) => Object.entries(session.data),
  "the in operator": (session) => "colour" in session.data,
  user: (session) => session.user,
  id: (session) => session.id,
  isNew: (session) => session.isNew,
  hasInfo: (session) => session.hasInfo(),
};

const UNTOUCHED: readonly (readonly [string, string])[] = [
  ["set-cookie", "theme=dark; Path=/"],
  ["set-cookie", "lang=en; Path=/"],
  ["vary", "Accept-Encoding"],
  ["x-own", "kept"],
];

function own(
  status = 200,
  more: readonly (readonly [string, string])[] = [],
): {
  status: number;
  headers: readonly (readonly [string, string])[];
} {
  return { status, headers: [...UNTOUCHED, ...more] };
}

async function sentAlong(context: AdapterRuleContext, status: number, method = "GET"): Promise<void> {
  const app = await context.start({
    ...ROUTES,
    "/change": (route) => {
      route.session.set("colour", "blue");
      return route.send(own(status));
    },
  });
  const browser = app.browser();
  const reply = await browser.get("/change", { method });
  assertStatus(reply, status);
  cookieOf(reply);
  assert.equal(reply.body, "");
  assert.equal(reply.header("x-own"), "kept");
  assert.ok(reply.variesByCookie);
  assert.equal((await show(browser)).data["colour"], "blue");
}

/** What the session puts on a response, and what it leaves there. */
export const headerRules: readonly AdapterRule[] = group("headers", [
  rule("a new session's cookie has the attributes of the policy, and none more", async (context) => {
    const app = await context.start(ROUTES);
    const cookie = cookieOf(await app.send("/set"));
    assert.match(cookie.value, /^[A-Za-z0-9_-]{56}$/);
    assert.deepEqual(cookie.attributes, ATTRIBUTES);
  }),
  rule("a revoked cookie has the attributes that it was set with", async (context) => {
    const cookie = { name: COOKIE, sameSite: "None", partitioned: true } as const;
    const app = await context.start(ROUTES, { manager: { cookie } });
    const browser = app.browser();
    const set = cookieOf(await browser.get("/set"));
    const revoked = cookieOf(await browser.get("/logout"));
    assert.equal(revoked.value, "");
    const rest = revoked.attributes.filter((one) => !/^(Max-Age=0|Expires=.*1970.*)$/.test(one));
    assert.deepEqual(rest, set.attributes);
    assert.ok(revoked.attributes.includes("Max-Age=0"));
    assert.deepEqual(browser.jar.cookies(), []);
  }),
  rule("a remembered login's cookie has a Max-Age", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/remember": (route) => {
        route.session.login("ada", { remember: "30d" });
        return route.send({ body: "in" });
      },
    });
    assert.ok(cookieOf(await app.send("/remember")).attributes.includes(`Max-Age=${30 * 86_400}`));
  }),
  rule("the session's cookie is set once, however often the request changed its mind", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/much": async (route) => {
        route.session.set("colour", "blue");
        await route.session.commit();
        route.session.rotate();
        await route.session.commit();
        route.session.login("ada");
        await route.session.commit();
        route.session.set("colour", "green");
        return route.send({ body: "much" });
      },
    });
    const browser = await visitor(app);
    cookieOf(await browser.get("/much"));
    assert.deepEqual(await show(browser), { user: "ada", data: { colour: "green" } });
  }),
  rule("an answer that sets the cookie is not stored by any cache", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/cached": (route) => {
        route.session.set("colour", "blue");
        return route.send({ headers: [["cache-control", "public, max-age=600"]], body: "cached" });
      },
    });
    for (const path of ["/set", "/cached"]) {
      const reply = await app.send(path);
      cookieOf(reply);
      assert.equal(reply.header("cache-control"), "no-store");
    }
  }),
  ...Object.entries(LOOKS).map(([name, look]) =>
    rule(`an answer after a look by ${name} varies by the cookie, and no other does`, async (context) => {
      const app = await context.start({
        ...ROUTES,
        "/look": (route) => {
          look(route.session);
          return route.send({ body: "looked" });
        },
      });
      const browser = await visitor(app);
      assert.ok((await browser.get("/look")).variesByCookie, "a look with a session");
      assert.ok((await app.send("/look")).variesByCookie, "a look without one");
      assert.ok(!(await browser.get("/blank")).variesByCookie, "no look");
    }),
  ),
  rule("an answer after a look is not left public, and keeps the rest of its caching", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/look": (route) => {
        void route.session.user;
        return route.send({
          headers: [
            ["cache-control", "public, max-age=600, s-maxage=60"],
            ["cdn-cache-control", "max-age=600"],
          ],
          body: "looked",
        });
      },
      "/unlooked": (route) =>
        route.send({ headers: [["cache-control", "public, max-age=600"]], body: "same for all" }),
    });
    const browser = await visitor(app);
    for (const reply of [await browser.get("/look"), await app.send("/look")]) {
      const control = reply.header("cache-control") ?? "";
      assert.ok(!/public|s-maxage/.test(control), `Cache-Control is still ${control}`);
      assert.match(control, /private/);
      assert.match(control, /max-age=600/);
      assert.equal(reply.header("cdn-cache-control"), "no-store", "a cache that goes by its own header");
    }
    assert.equal((await browser.get("/unlooked")).header("cache-control"), "public, max-age=600");
  }),
  rule("the application's own Set-Cookie, Vary and other headers stay", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/change": (route) => {
        route.session.set("colour", "blue");
        return route.send({ ...own(), body: "changed" });
      },
    });
    const reply = await app.send("/change");
    cookieOf(reply);
    assert.deepEqual(
      reply.cookies.map((line) => line.split("=")[0]),
      ["theme", "lang", COOKIE],
    );
    assert.match(reply.header("vary") ?? "", /accept-encoding/i);
    assert.ok(reply.variesByCookie);
    assert.equal(reply.header("x-own"), "kept");
    assert.equal(reply.body, "changed");
  }),
  rule("an answer that varies by everything, or by the cookie already, is left so", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/vary": (route) => {
        void route.session.user;
        return route.send({ headers: [["vary", route.query("by") ?? ""]], body: "varies" });
      },
    });
    assert.equal(varyOf(context, await app.send("/vary?by=*")), "*");
    assert.equal(varyOf(context, await app.send("/vary?by=cookie")), "cookie");
  }),
  rule("an answer to HEAD carries the cookie and no body", (context) => sentAlong(context, 200, "HEAD")),
  rule("an answer with 304 carries the cookie and no body", (context) => sentAlong(context, 304)),
  rule("an answer with 204 carries the cookie and no body", (context) => sentAlong(context, 204)),
  rule("a redirect by the framework's own means carries the cookie and its location", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/enter": (route) => {
        route.session.login("ada");
        return route.redirect("/show?from=login");
      },
    });
    const browser = app.browser();
    const reply = await browser.get("/enter");
    assertStatus(reply, 302);
    cookieOf(reply);
    assert.match(reply.header("location") ?? "", /\/show\?from=login$/);
    assert.equal((await show(browser)).user, "ada");
  }),
  rule("an answer piece by piece carries the cookie and every piece", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/pieces": (route) => {
        route.session.set("colour", "blue");
        return route.stream(own(), pieces());
      },
    });
    const reply = await app.send("/pieces");
    cookieOf(reply);
    assert.equal(reply.body, "one two three");
    assert.equal(reply.header("x-own"), "kept");
  }),
  rule("two requests never get one another's cookie", async (context) => {
    const app = await context.start(ROUTES);
    const first = cookieOf(await app.send("/set")).value;
    const second = cookieOf(await app.send("/set")).value;
    assert.notEqual(first, second);
    assertNoCookie(await app.send("/blank"));
  }),
  rule("no answer and no event tells a token but the cookie", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/print": (route) =>
        route.send({ body: `${String(route.session)} ${JSON.stringify(route.session)} ${route.session.id}` }),
    });
    const browser = await member(app);
    const secret = (browser.token ?? "").slice(24);
    const reply = await browser.get("/print");
    assert.ok(!JSON.stringify([reply.headers, reply.body]).includes(secret));
    await browser.get("/logout");
    assert.ok(!JSON.stringify(context.events).includes(secret));
  }),
]);

async function* pieces(): AsyncGenerator<string> {
  yield "one ";
  yield "two ";
  yield "three";
}
