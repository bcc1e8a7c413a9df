import { describe, expect, test } from "vitest";
import {
  EXPRESSES,
  type ExpressHandler,
  type ExpressRequest,
  quiet,
  serveApp,
  type Site,
} from "./support/site.ts";
import { stored, watched } from "./support/stores.ts";
import { cases, require } from "./support/subjects.ts";
import type { Done } from "./support/types.ts";

type Flash = (type?: string, ...message: readonly unknown[]) => unknown;

const flash = require("connect-flash") as (options?: object) => ExpressHandler;
const csurf = require("csurf") as (options?: object) => ExpressHandler;
const lusca = require("lusca") as { csrf(options?: object): ExpressHandler };
const { csrfSync } = require("csrf-sync") as {
  csrfSync(options?: object): {
    csrfSynchronisedProtection: ExpressHandler;
    generateToken(req: ExpressRequest, overwrite?: boolean): string;
    revokeToken(req: ExpressRequest): void;
  };
};

const flashOf = (req: ExpressRequest): Flash => (req as unknown as { flash: Flash }).flash.bind(req);

cases("connect-flash", (session) => {
  describe.each(EXPRESSES)("in %s", (_, express) => {
    async function siteOf(...handlers: readonly [string, ExpressHandler][]): Promise<Site> {
      const app = express().use(session(quiet())).use(flash());
      for (const [path, handler] of handlers) app.get(path, handler);
      app.get("/read", (req, res) => res.json(flashOf(req)()));
      return serveApp(app);
    }

    test("shows a message at the next visit, once", async () => {
      const site = await siteOf([
        "/write",
        (req, res) => {
          flashOf(req)("info", "saved");
          res.redirect("/read");
        },
      ]);
      const cookie = await site.get("/write");
      expect((await site.get("/read", { cookie })).body).toBe('{"info":["saved"]}');
      expect((await site.get("/read", { cookie })).body).toBe("{}");
    });

    test("collects messages of many kinds", async () => {
      const site = await siteOf([
        "/write",
        (req, res) => {
          flashOf(req)("info", "one");
          flashOf(req)("info", "%s of %s", "two", "two");
          flashOf(req)("error", ["three", "four"]);
          res.send("ok");
        },
      ]);
      const cookie = await site.get("/write");
      const { body } = await site.get("/read", { cookie });
      expect(JSON.parse(body)).toEqual({ info: ["one", "two of two"], error: ["three", "four"] });
    });

    test("reads one kind and leaves the others", async () => {
      const site = await siteOf(
        [
          "/write",
          (req, res) => {
            flashOf(req)("info", "one");
            flashOf(req)("error", "two");
            res.send("ok");
          },
        ],
        ["/errors", (req, res) => res.json(flashOf(req)("error"))],
      );
      const cookie = await site.get("/write");
      expect((await site.get("/errors", { cookie })).body).toBe('["two"]');
      expect((await site.get("/read", { cookie })).body).toBe('{"info":["one"]}');
    });

    test("outlives a regenerated session no more than any field", async () => {
      const site = await siteOf([
        "/write",
        (req, res) => {
          flashOf(req)("info", "lost");
          req.session.regenerate(() => {
            flashOf(req)("info", "kept");
            res.send("ok");
          });
        },
      ]);
      const cookie = await site.get("/write");
      expect((await site.get("/read", { cookie })).body).toBe('{"info":["kept"]}');
    });
  });
});

interface Guard {
  readonly protect: ExpressHandler;
  readonly token: (req: ExpressRequest) => string;
  readonly header: string;
  /** The field of the session that holds the secret. */
  readonly field: string;
}

const GUARDS: Readonly<Record<string, () => Guard>> = {
  csurf: () => ({
    protect: csurf(),
    token: (req) => (req as unknown as { csrfToken(): string }).csrfToken(),
    header: "csrf-token",
    field: "csrfSecret",
  }),
  "csrf-sync": () => {
    const { csrfSynchronisedProtection, generateToken } = csrfSync();
    return {
      protect: csrfSynchronisedProtection,
      token: (req) => generateToken(req),
      header: "x-csrf-token",
      field: "csrfToken",
    };
  },
  lusca: () => ({
    protect: lusca.csrf(),
    token: (req) => (req as unknown as { csrfToken(): string }).csrfToken(),
    header: "x-csrf-token",
    field: "_csrfSecret",
  }),
};

cases("a guard of forms", (session) => {
  describe.each(
    Object.entries(GUARDS).flatMap(([name, guard]) =>
      EXPRESSES.map(([of, make]) => ({ name, guard, of, make })),
    ),
  )("$name in $of", ({ guard, make }) => {
    async function site(): Promise<
      Site & { readonly store: ReturnType<typeof watched>; readonly guard: Guard }
    > {
      const store = watched(session);
      const one = guard();
      const body: ExpressHandler = (req, _res, next: Done) => {
        Object.assign(req, { body: {} });
        next();
      };
      const app = make()
        .use(session(quiet({ store })))
        .use(body)
        .use(one.protect)
        .get("/form", (req, res) => res.send(one.token(req)))
        .post("/form", (_req, res) => res.send("accepted"));
      return { ...(await serveApp(app)), store, guard: one };
    }

    test("keeps its secret in the session", async () => {
      const at = await site();
      const form = await at.get("/form");
      expect((await stored(at.store, form.sid()))?.[at.guard.field]).toBeTypeOf("string");
    });

    test("accepts a form that bears its token", async () => {
      const at = await site();
      const form = await at.get("/form");
      const sent = { cookie: form, headers: { [at.guard.header]: form.body } };
      const answer = await at.post("/form", sent);
      expect([answer.status, answer.body]).toEqual([200, "accepted"]);
      expect((await at.post("/form", sent)).status).toBe(200);
    });

    test("refuses a form without a token", async () => {
      const at = await site();
      expect((await at.post("/form", { cookie: await at.get("/form") })).status).toBe(403);
    });

    test("refuses a form with the token of another session", async () => {
      const at = await site();
      const [mine, other] = [await at.get("/form"), await at.get("/form")];
      const answer = await at.post("/form", { cookie: mine, headers: { [at.guard.header]: other.body } });
      expect(answer.status).toBe(403);
    });

    test("refuses a form without a session", async () => {
      const at = await site();
      const form = await at.get("/form");
      expect((await at.post("/form", { headers: { [at.guard.header]: form.body } })).status).toBe(403);
    });
  });

  test("csrf-sync can revoke its token", async () => {
    const [, express] = EXPRESSES[1] as (typeof EXPRESSES)[number];
    const { csrfSynchronisedProtection, generateToken, revokeToken } = csrfSync();
    const app = express()
      .use(session(quiet()))
      .get("/form", (req, res) => res.send(generateToken(req)))
      .get("/revoke", (req, res) => {
        revokeToken(req);
        res.send("revoked");
      })
      .post("/form", csrfSynchronisedProtection, (_req, res) => res.send("accepted"));
    const site = await serveApp(app);
    const form = await site.get("/form");
    await site.get("/revoke", { cookie: form });
    const answer = await site.post("/form", { cookie: form, headers: { "x-csrf-token": form.body } });
    expect(answer.status).toBe(403);
  });
});
