import assert from "node:assert/strict";

import { Token } from "../../core/token.ts";
import type { App } from "../adapter-client/app.ts";
import type { Reply } from "../adapter-client/reply.ts";
import type { AdapterRule } from "./rule.ts";
import { group, rule } from "./rule.ts";
import {
  assertNoCookie,
  assertStatus,
  COOKIE,
  HOUR,
  member,
  operations,
  ROUTES,
  show,
  visitor,
} from "./support.ts";

/** Cookie values that are no tokens. Of control characters only those that an HTTP parser lets through. */
const BAD_VALUES: Readonly<Record<string, string>> = {
  empty: "",
  "revoked by the seed": "*del*",
  "one character too short": "A".repeat(55),
  "one character too long": "A".repeat(57),
  oversize: "A".repeat(8000),
  "a path": "../../../../etc/passwd",
  "a path of 56 characters": `../../${"a".repeat(50)}`,
  "an absolute path": "/dev/zero",
  quoted: `"${"A".repeat(56)}"`,
  "quoted to 56 characters": `"${"A".repeat(54)}"`,
  "percent-encoded": "%41".repeat(56),
  "a percent sign that encodes nothing": "%",
  "percent-encoded NUL": `${"A".repeat(53)}%00`,
  "a tab": `${"A".repeat(28)}\t${"A".repeat(27)}`,
  "high bytes": "\xff\xfe\x80".repeat(18),
  "invalid UTF-8": `\xc3\x28${"A".repeat(54)}`,
  "other base64": `${"A".repeat(54)}+/`,
  padded: `${"A".repeat(55)}=`,
  "several equals signs": "a=b=c==",
  JSON: '{"$gt":""}',
  "a name of an object's own": "__proto__",
};

async function sendValue(app: App, value: string): Promise<Reply> {
  return await app.send("/show", { headers: [["Cookie", `${COOKIE}=${value}`]] });
}

function assertAnonymous(reply: Reply): void {
  assertStatus(reply, 200);
  assert.deepEqual(reply.json(), { user: null, data: {} });
  assertNoCookie(reply);
}

/** P8: what a client sends is never an error. */
export const inputRules: readonly AdapterRule[] = group("what a client sends", [
  ...Object.entries(BAD_VALUES).map(([name, value]) =>
    rule(`a cookie value that is ${name} is no session, no error and no store call`, async (context) => {
      const app = await context.start(ROUTES);
      assertAnonymous(await sendValue(app, value));
      assert.equal(context.store.count(), 0);
    }),
  ),
  rule("a Cookie header without form is no session, no error and no store call", async (context) => {
    const app = await context.start(ROUTES);
    for (const line of [
      ";",
      "=",
      "= ;=; ;;",
      COOKIE,
      `${COOKIE};`,
      `=${COOKIE}`,
      "a".repeat(4000),
      `${COOKIE} =x`,
    ]) {
      assertAnonymous(await app.send("/show", { headers: [["Cookie", line]] }));
    }
    assert.equal(context.store.count(), 0);
  }),
  rule("a request with a bad cookie that changes the session gets a new and good one", async (context) => {
    const app = await context.start(ROUTES);
    const browser = app.browser();
    const bad = await browser.get("/set?to=blue", { headers: [["Cookie", `${COOKIE}=../../etc/passwd`]] });
    assertStatus(bad, 200);
    assert.equal((await show(browser)).data["colour"], "blue");
  }),
  rule("an unknown token is no session, costs one read, and is not adopted", async (context) => {
    const app = await context.start(ROUTES);
    const planted = Token.mint().reveal();
    assertAnonymous(await sendValue(app, planted));
    assert.deepEqual(operations(context), ["read"]);
    const reply = await app.send("/set", { headers: [["Cookie", `${COOKIE}=${planted}`]] });
    assert.ok(!reply.cookies.join().includes(planted.slice(0, 24)), "a planted id was adopted");
    assert.equal(reply.cookies.length, 1);
  }),
  rule("a known id with another secret opens nothing, and ends nothing", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await member(app);
    const forged = (browser.token ?? "").slice(0, 24) + "A".repeat(32);
    assertAnonymous(await sendValue(app, forged));
    assert.equal((await show(browser)).user, "ada");
  }),
  rule("a session that has expired is no session, and its cookie is left alone", async (context) => {
    const app = await context.start({ ...ROUTES }, { manager: { idle: "1h" } });
    const browser = await member(app);
    context.clock.advance(2 * HOUR);
    assertAnonymous(await browser.get("/show"));
  }),
  rule("a record that is garbage is no session and no error", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await member(app);
    for (const garbage of [undefined, 7, "text", [], {}, { id: 1 }]) {
      context.store.next("read", () => Promise.resolve(garbage));
      const reply = await browser.get("/show");
      assertStatus(reply, 200);
      assert.deepEqual(reply.json(), { user: null, data: {} });
    }
    assert.equal((await show(browser)).user, "ada");
  }),
  rule("the same cookie twice counts once", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    context.store.forget();
    const pair = `${COOKIE}=${browser.token}`;
    const reply = await app.send("/show", { headers: [["Cookie", `${pair}; other=1; ${pair}`]] });
    assert.deepEqual((reply.json() as { data: unknown }).data, { colour: "red" });
    assert.equal(context.store.count("read"), 1);
  }),
  rule("a good cookie beside bad ones of its name is used", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    const line = `${COOKIE}=garbage; ${COOKIE}=${Token.mint().reveal()}; ${COOKIE}=${browser.token}`;
    const reply = await app.send("/show", { headers: [["Cookie", line]] });
    assert.deepEqual((reply.json() as { data: unknown }).data, { colour: "red" });
  }),
  rule("of more than three distinct cookies none is used, and no store is called", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    context.store.forget();
    const others = [1, 2, 3].map(() => `${COOKIE}=${Token.mint().reveal()}`);
    const line = [...others, `${COOKIE}=${browser.token}`].join("; ");
    assertAnonymous(await app.send("/show", { headers: [["Cookie", line]] }));
    assert.equal(context.store.count(), 0);
  }),
  rule("two cookies that open different sessions open none, and are left alone", async (context) => {
    const app = await context.start(ROUTES);
    const [one, other] = [await visitor(app), await visitor(app)];
    const line = `${COOKIE}=${one.token}; ${COOKIE}=${other.token}`;
    assertAnonymous(await app.send("/show", { headers: [["Cookie", line]] }));
    assert.equal((await show(one)).data["colour"], "red");
    assert.equal((await show(other)).data["colour"], "red");
  }),
  rule("a cookie in the second of several Cookie lines is found", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    const headers = [
      ["Cookie", "theme=dark"],
      ["Cookie", `${COOKIE}=${browser.token}`],
      ["Cookie", "last=1"],
    ] as const;
    const reply = await app.send("/show", { headers });
    assert.deepEqual((reply.json() as { data: unknown }).data, { colour: "red" });
  }),
  rule("a cookie whose name only ends or begins like the session's is another", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await visitor(app);
    context.store.forget();
    const line = `x${COOKIE}=${browser.token}; ${COOKIE}x=${browser.token}; ${COOKIE.toLowerCase()}=${browser.token}`;
    assertAnonymous(await app.send("/show", { headers: [["Cookie", line]] }));
    assert.equal(context.store.count(), 0);
  }),
  rule(
    "a line break out of a client's hands never becomes a header, and throws where the handler can catch it",
    async (context) => {
      const evil = "/next\r\nSet-Cookie: evil=1";
      const app = await context.start({
        ...ROUTES,
        "/header": (route) => {
          route.session.set("colour", "blue");
          try {
            return route.send({ status: 302, headers: [["location", evil]] });
          } catch {
            return route.send({ status: 400, body: "refused" });
          }
        },
        "/redirect": (route) => {
          route.session.set("colour", "green");
          try {
            return route.redirect(evil);
          } catch {
            return route.send({ status: 400, body: "refused" });
          }
        },
      });
      const browser = await visitor(app);
      const refused = await browser.get("/header");
      assertStatus(refused, 400);
      assertNoCookie(refused);
      assert.equal((await show(browser)).data["colour"], "blue");
      const redirected = await browser.get("/redirect");
      assert.ok([302, 400].includes(redirected.status), `status ${redirected.status}`);
      assertNoCookie(redirected);
      assert.equal((await show(browser)).data["colour"], "green");
    },
  ),
]);
