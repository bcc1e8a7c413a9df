import { expect, test } from "vitest";
import { cookieAfter, cookieNames } from "../support/sites.ts";
import { client } from "./rig.ts";
import { type Hook, type HookInput, serve, type Tools, type Version } from "./site.ts";
import { SessionManager } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";

const SESSION = "__Host-Http-sid";

function sessionOf({ event }: HookInput): {
  set(name: string, value: unknown): void;
  commit(): Promise<void>;
  logout(): void;
} {
  return event.locals["session"] as never;
}

/** A hook behind the session's that stages a change on all paths but the rig's own, and then ends in some way. */
function ending(end: (input: HookInput) => Promise<Response> | Response): (tools: Tools) => readonly Hook[] {
  const hook: Hook = async (input) => {
    if (input.event.url.pathname.startsWith("/the/")) return await input.resolve(input.event);
    sessionOf(input).set("colour", "blue");
    return await end(input);
  };
  return () => [hook];
}

/** Hooks of the application behind the session's. */
export function hooks(version: Version): void {
  test("a redirect that a hook throws saves and carries the cookie, in the form that each client takes", async () => {
    const shop = await client(version, {
      hooks: (tools) => ending(() => tools.redirect(303, "/sign-in"))(tools),
    });
    const page = await shop.ask("/page");
    expect([page.status, page.headers.get("location"), page.headers.get("cache-control")]).toEqual([
      303,
      "/sign-in",
      "no-store",
    ]);
    const data = await shop.ask("/page/__data.json");
    expect(await data.json()).toEqual({ type: "redirect", location: "/sign-in" });
    const action = await shop.enhance("/page");
    expect(await action.json()).toEqual({ type: "redirect", status: 303, location: "/sign-in" });
    for (const answer of [page, data, action]) {
      expect(await shop.stored(cookieAfter(answer))).toEqual({ colour: "blue" });
    }
  });

  test("a redirect that a hook returns keeps the cookie where SvelteKit makes data of it", async () => {
    const shop = await client(version, {
      hooks: ending(() => new Response(null, { status: 303, headers: { location: "/sign-in" } })),
    });
    const data = await shop.ask("/page/__data.json");
    expect(await data.json()).toEqual({ type: "redirect", location: "/sign-in" });
    expect(await shop.stored(cookieAfter(data))).toEqual({ colour: "blue" });
  });

  test("error() with a status below 500 in a hook saves, and its answer carries the cookie", async () => {
    const shop = await client(version, {
      hooks: (tools) => ending(() => tools.error(401, "who are you?"))(tools),
    });
    const page = await shop.ask("/page");
    expect([page.status, await page.text()]).toEqual([401, "who are you?\n"]);
    expect(await shop.stored(cookieAfter(page))).toEqual({ colour: "blue" });
    const data = await shop.ask("/page/__data.json");
    expect([data.status, await data.json()]).toEqual([401, { status: 401, message: "who are you?" }]);
    expect(shop.reported).toEqual([]);
    expect(await shop.stored(cookieAfter(data))).toEqual({ colour: "blue" });
  });

  test("error() in a hook is answered by SvelteKit where no cookie is to be carried", async () => {
    const shop = await client(version, {
      hooks: (tools) => ending(() => tools.error(401, "who are you?"))(tools),
    });
    const cookie = await shop.visitor();
    const page = await shop.ask("/page", { cookie });
    expect(page.status).toBe(401);
    expect(await page.text()).toMatch(/error.html:\s+who are you\?/);
    expect(await shop.stored(cookie)).toEqual({ colour: "blue" });
  });

  test("an unexpected error in a hook rolls back, and SvelteKit reports it", async () => {
    const shop = await client(version, {
      hooks: ending(() => {
        throw new Error("unexpected");
      }),
    });
    const cookie = await shop.visitor();
    const page = await shop.ask("/page", { cookie });
    expect(page.status).toBe(500);
    expect(await page.text()).toMatch(/error.html:\s+Internal Error/);
    expect(shop.reported).toEqual([expect.objectContaining({ message: "unexpected" })]);
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
  });

  test("an unexpected error in a hook after commit() keeps what was stored, carries its cookie, and is reported", async () => {
    const shop = await client(version, {
      hooks: ending(async (input) => {
        await sessionOf(input).commit();
        sessionOf(input).set("colour", "green");
        throw new Error("unexpected");
      }),
    });
    const page = await shop.ask("/page");
    expect([page.status, await page.text()]).toEqual([500, "Internal Error\n"]);
    expect(shop.reported).toEqual([expect.objectContaining({ message: "unexpected" })]);
    expect(await shop.stored(cookieAfter(page))).toEqual({ colour: "blue" });
  });

  test("a Response that a hook throws is a failure, as it is to SvelteKit", async () => {
    const shop = await client(version, {
      hooks: ending(() => {
        // oxlint-disable-next-line typescript/only-throw-error -- what some code does
        throw new Response("no");
      }),
    });
    const cookie = await shop.visitor();
    expect((await shop.ask("/page", { cookie })).status).toBe(500);
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
  });

  test("a logout takes place although a hook fails, and the cookie is revoked", async () => {
    const shop = await client(version, {
      hooks: ending((input) => {
        sessionOf(input).logout();
        throw new Error("unexpected");
      }),
    });
    const cookie = await shop.visitor();
    const page = await shop.ask("/page", { cookie });
    expect([page.status, cookieNames(page), cookieAfter(page)]).toEqual([500, [SESSION], `${SESSION}=`]);
    expect(await shop.stored(cookie)).toEqual({});
  });

  test("an error that handleError tells of fails the request, whatever a hook answers", async () => {
    const shop = await client(version, {
      hooks: () => [
        async ({ event, resolve }) => {
          const response = await resolve(event);
          return response.status === 500 ? new Response("sorry", { status: 200 }) : response;
        },
      ],
      answer(_event, session) {
        session.set("colour", "blue");
        throw new Error("unexpected");
      },
    });
    const cookie = await shop.visitor();
    const answer = await shop.ask("/api", { cookie });
    expect([answer.status, await answer.text()]).toEqual([200, "sorry"]);
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
  });

  test("isFailure judges what handleError tells of", async () => {
    const shop = await client(version, {
      options: { isFailure: (error) => !(error instanceof RangeError) },
      hooks: () => [
        async ({ event, resolve }) => {
          const response = await resolve(event);
          return response.status === 500 ? new Response("sorry", { status: 200 }) : response;
        },
      ],
      answer(_event, session) {
        session.set("colour", "blue");
        throw new RangeError("not an error to us");
      },
    });
    const cookie = await shop.visitor();
    await shop.ask("/api", { cookie });
    expect(await shop.stored(cookie)).toEqual({ colour: "blue" });
  });

  test("the session has the name in locals that the option gives, and the hook twice counts once", async () => {
    const manager = new SessionManager({ sweepEvery: false, store: memoryStore() });
    const served = await serve(version, ({ sveltekitSessions, sequence, text }) => {
      const sessions = sveltekitSessions(manager, { local: "visit" });
      return {
        handle: sequence(sessions.handle, sessions.handle),
        handleError: sessions.handleError(),
        answer: (event) =>
          text(`${sessions.of(event) === event.locals["visit"]} ${sessions.of(event).increment("hits")}`),
      };
    });
    const answer = await fetch(served.origin);
    expect([await answer.text(), cookieNames(answer)]).toEqual(["true 1", [SESSION]]);
    await served.close();
  });

  test("without handleError no request is answered, and the error says what to write", async () => {
    const messages: unknown[] = [];
    const manager = new SessionManager({ sweepEvery: false, store: memoryStore() });
    const served = await serve(version, ({ sveltekitSessions, text }) => ({
      handle: sveltekitSessions(manager).handle,
      handleError: ({ error }) => void messages.push(String(error)),
      answer: () => text("never"),
    }));
    expect((await fetch(served.origin)).status).toBe(500);
    expect(messages).toEqual([expect.stringContaining("export const handleError = sessions.handleError();")]);
    await served.close();
  });
}
