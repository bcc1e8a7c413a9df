import assert from "node:assert/strict";

import { SessionError } from "../../core/errors.ts";
import type { HttpExchange } from "../../core/exchange.ts";
import type { ExtensionHost, SessionExtension } from "../../core/extension.ts";
import type { Reply } from "../adapter-client/reply.ts";
import type { Route } from "../adapter-subject.ts";
import type { AdapterRule } from "./rule.ts";
import { group, rule } from "./rule.ts";
import { assertStatus, cookieOf, member, ROUTES, visitor } from "./support.ts";

const TWIN = "__Host-twin";

/** An extension that answers with a cookie and a header of its own, and can turn a stolen session away. */
class Companion implements SessionExtension {
  readonly name = "companion";
  isStolen = false;
  host: ExtensionHost | null = null;

  attach(host: ExtensionHost): void {
    this.host = host;
  }

  async loaded({ id }: { readonly id: Parameters<ExtensionHost["revoke"]>[0] | null }): Promise<void> {
    if (!this.isStolen || id === null) return;
    await this.host?.revoke(id);
    throw new SessionError("ERR_SESSION_REVOKED", "This cookie came without its companion.");
  }

  leaving({ user }: { readonly user: string | null }, exchange: HttpExchange, userLeft: boolean): void {
    if (user === null && !userLeft) return;
    const common = { path: "/", secure: true, httpOnly: true, sameSite: "Lax", partitioned: false } as const;
    exchange.setCookie({
      name: TWIN,
      value: userLeft ? "" : "here",
      ...common,
      ...(userLeft && { maxAge: 0 }),
    });
    exchange.setResponseHeader("x-companion", userLeft ? "left" : "here");
  }
}

function assertCompanion(reply: Reply, value: "here" | "left"): void {
  const lines = reply.cookies.filter((line) => line.startsWith(`${TWIN}=`));
  assert.equal(lines.length, 1, `one cookie of the extension, not ${lines.length}`);
  assert.match(lines[0] ?? "", value === "left" ? /^__Host-twin=;.*Max-Age=0/ : /^__Host-twin=here;/);
  assert.equal(reply.header("x-companion"), value);
}

const WAYS: Readonly<Record<string, Route>> = {
  "an answer in one piece": (route) => {
    route.session.login("ada");
    return route.send({ body: "in" });
  },
  "an answer piece by piece": (route) => {
    route.session.login("ada");
    return route.stream({}, pieces());
  },
  "a redirect": (route) => {
    route.session.login("ada");
    return route.redirect("/show");
  },
};

/** What a part that takes part in every request can count on, such as sessions that are bound to devices. */
export const extensionRules: readonly AdapterRule[] = group("extensions", [
  ...Object.entries(WAYS).map(([way, enter]) =>
    rule(
      `the cookie and the header of an extension leave with ${way}, beside the session's cookie`,
      async (context) => {
        const companion = new Companion();
        const app = await context.start(
          { ...ROUTES, "/enter": enter },
          { manager: { extensions: [companion] } },
        );
        const reply = await app.send("/enter");
        assert.notEqual(cookieOf(reply).value, "");
        assertCompanion(reply, "here");
      },
    ),
  ),
  rule("an extension takes its cookie back when a user leaves", async (context) => {
    const app = await context.start(ROUTES, { manager: { extensions: [new Companion()] } });
    const browser = await member(app);
    const reply = await browser.get("/logout");
    assert.equal(cookieOf(reply).value, "");
    assertCompanion(reply, "left");
    assert.deepEqual(browser.jar.cookies(), []);
  }),
  rule("both cookies are taken back when a user leaves by a request that then fails", async (context) => {
    const app = await context.start(
      {
        ...ROUTES,
        "/leave": (route) => {
          route.session.logout();
          throw new Error("the farewell failed");
        },
      },
      { manager: { extensions: [new Companion()] } },
    );
    const browser = await member(app);
    const reply = await browser.get("/leave");
    assertStatus(reply, 500);
    assert.equal(cookieOf(reply).value, "");
    assert.deepEqual(browser.jar.cookies(), []);
  }),
  rule("a session that an extension turns away is answered with 401, unseen, and ended", async (context) => {
    const companion = new Companion();
    let ran = 0;
    const seen: Route = (route) => {
      ran += 1;
      void route.session.user;
      return route.send({ body: "seen" });
    };
    const app = await context.start({ ...ROUTES, "/seen": seen }, { manager: { extensions: [companion] } });
    const browser = await member(app);
    companion.isStolen = true;
    const reply = await browser.get("/seen");
    assertStatus(reply, 401);
    assert.equal(ran, 0, "the handler ran");
    companion.isStolen = false;
    assert.deepEqual(await app.manager.sessionsOf("ada"), []);
  }),
  rule("a visitor without a session is no affair of an extension's", async (context) => {
    const companion = new Companion();
    companion.isStolen = true;
    const app = await context.start(ROUTES, { manager: { extensions: [companion] } });
    assertStatus(await app.send("/show"), 200);
    await visitor(app);
  }),
]);

async function* pieces(): AsyncGenerator<string> {
  yield "one ";
  yield "two";
}
