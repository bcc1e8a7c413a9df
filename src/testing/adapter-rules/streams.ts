import assert from "node:assert/strict";

import type { RouteContext } from "../adapter-subject.ts";
import { gate } from "../faults.ts";
import type { AdapterRule } from "./rule.ts";
import { group, rule } from "./rule.ts";
import { assertStatus, COOKIE, eventually, member, ROUTES, show, visitor } from "./support.ts";

/** Sends a first piece, does something, and sends a last piece that tells what came of it. */
function between(work: (context: RouteContext) => unknown): (context: RouteContext) => unknown {
  return (context) => {
    void context.session.user;
    async function* pieces(): AsyncGenerator<string> {
      yield "first ";
      try {
        await work(context);
        yield "none";
      } catch (error) {
        const { code, message } = error as { readonly code: string; readonly message: string };
        yield `${code} ${message.includes("commit()") ? "names commit()" : message}`;
      }
    }
    return context.stream({}, pieces());
  };
}

/** What happens after the headers left. */
export const streamRules: readonly AdapterRule[] = group("after the headers", [
  rule("a body reaches the client while it is made", { needs: ["sockets", "streams"] }, async (context) => {
    const door = gate();
    const app = await context.start({
      ...ROUTES,
      "/events": (route) => {
        route.session.set("colour", "blue");
        async function* pieces(): AsyncGenerator<string> {
          yield "data: one\n\n";
          await door.passage();
          yield "data: two\n\n";
        }
        return route.stream({ headers: [["content-type", "text/event-stream"]] }, pieces());
      },
    });
    const browser = await visitor(app);
    const connection = await app.connect();
    const [[, line] = ["", ""]] = browser.cookieLines;
    connection.write(
      `GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nCookie: ${line}\r\n\r\n`,
    );
    const head = await connection.head();
    // Some servers name the charset, which is the same type.
    assert.match(head.header("content-type") ?? "", /^text\/event-stream\b/);
    await connection.until("data: one");
    assert.equal((await show(browser)).data["colour"], "blue", "the change is stored before the stream ends");
    door.open();
    await connection.until("data: two");
  }),
  rule("a change after the headers is stored, and told", { needs: ["late changes"] }, async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/late": between(({ session }) => session.set("colour", "blue")),
    });
    const browser = await visitor(app);
    const reply = await browser.get("/late");
    assert.equal(reply.body, "first none");
    await eventually(() => context.events.some(({ name }) => name === "late"));
    assert.deepEqual(context.events.find(({ name }) => name === "late")?.event, {
      id: browser.token?.slice(0, 24),
      fields: ["colour"],
      saved: true,
    });
    assert.equal((await show(browser)).data["colour"], "blue");
  }),
  rule("a logout after the headers takes place", { needs: ["late changes"] }, async (context) => {
    const app = await context.start({ ...ROUTES, "/late": between(({ session }) => session.logout()) });
    const browser = await member(app);
    assert.equal((await browser.get("/late")).body, "first none");
    await eventually(() => context.events.some(({ name }) => name === "late"));
    assert.equal((await show(browser)).user, null);
  }),
  rule(
    "a change after the headers throws ERR_SESSION_SENT, which names commit()",
    { unless: ["late changes"] },
    async (context) => {
      const app = await context.start({
        ...ROUTES,
        "/set-late": between(({ session }) => session.set("colour", "blue")),
        "/add-late": between(({ session }) => session.increment("count")),
        "/data-late": between(({ session }) => {
          session.data["colour"] = "blue";
        }),
        "/logout-late": between(({ session }) => session.logout()),
        "/commit-late": between(({ session }) => session.commit()),
      });
      const browser = await visitor(app);
      for (const path of ["/set-late", "/add-late", "/data-late", "/logout-late", "/commit-late"]) {
        const reply = await browser.get(path);
        assert.equal(reply.body, "first ERR_SESSION_SENT names commit()", path);
      }
      assert.deepEqual((await show(browser)).data, { colour: "red" });
    },
  ),
  rule("a new secret after the headers throws ERR_SESSION_SENT", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/login-late": between(({ session }) => session.login("eve")),
      "/rotate-late": between(({ session }) => session.rotate()),
      "/reauthenticate-late": between(({ session }) => session.reauthenticate()),
    });
    const browser = await member(app);
    const { token } = browser;
    for (const path of ["/login-late", "/rotate-late", "/reauthenticate-late"]) {
      const reply = await browser.get(path);
      assert.match(reply.body, /^first ERR_SESSION_SENT/, path);
    }
    assert.equal(browser.token, token);
    assert.equal((await show(browser)).user, "ada");
  }),
  rule("a session can be read after the headers", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/read-late": (route) => {
        void route.session.user;
        async function* pieces(): AsyncGenerator<string> {
          yield "first ";
          yield String(route.session.get("colour"));
        }
        return route.stream({}, pieces());
      },
    });
    assert.equal((await (await visitor(app)).get("/read-late")).body, "first red");
  }),
  rule("an error after the headers keeps what was stored and stops no server", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/breaks": (route) => {
        route.session.set("colour", "blue");
        async function* pieces(): AsyncGenerator<string> {
          yield "first ";
          throw new Error("the stream broke");
        }
        return route.stream({}, pieces());
      },
    });
    const browser = await visitor(app);
    const underWay = await browser.begin("/breaks");
    await assert.rejects(underWay.reply, "an answer that broke must not look complete");
    await app.settle();
    assert.equal((await show(browser)).data["colour"], "blue");
  }),
  rule("what commit() stored before the headers has its cookie on them", async (context) => {
    const app = await context.start({
      ...ROUTES,
      "/early": async (route) => {
        route.session.login("ada");
        await route.session.commit();
        async function* pieces(): AsyncGenerator<string> {
          yield "first ";
          yield "last";
        }
        return route.stream({}, pieces());
      },
    });
    const browser = app.browser();
    assertStatus(await browser.get("/early"), 200);
    assert.ok(browser.jar.value(COOKIE) !== undefined);
    assert.equal((await show(browser)).user, "ada");
  }),
]);
