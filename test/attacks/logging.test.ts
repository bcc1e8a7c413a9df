import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { SessionError, Token } from "../../src/index.ts";
import { failsBefore } from "../../src/testing/index.ts";
import { done, loggedIn, rig, seen, visit } from "../races/rig.ts";
import { COOKIE, served } from "./support.ts";

describe("row 15: nothing that is written down is a token (CVE-2023-20866)", () => {
  test("not where cookies are refused, not even undecodable ones, and nothing is printed", async () => {
    const printed = ["log", "error", "warn", "info", "debug"].map((name) =>
      vi.spyOn(console, name as "log").mockImplementation(() => undefined),
    );
    const where = rig({ rotateEvery: "10m" });
    const heard: unknown[] = [];
    const listen = (message: unknown): void => void heard.push(message);
    for (const name of ["rejected", "theft", "expired", "ended"]) subscribe(`holdfast:${name}`, listen);
    const cookie = await loggedIn(where);
    const secret = cookie.slice(-32);
    const wrong = `${cookie.slice(0, -1)}${cookie.endsWith("A") ? "B" : "A"}`;
    for (const line of [
      wrong,
      `${cookie}x`,
      `${COOKIE}="${cookie.slice(COOKIE.length + 1)}"`,
      cookie.toLowerCase(),
      `${cookie}; ${wrong}`,
    ])
      await seen(where, line);
    where.clock.advance(1e10);
    await seen(where, cookie);
    for (const name of ["rejected", "theft", "expired", "ended"]) unsubscribe(`holdfast:${name}`, listen);
    expect(heard.length).toBeGreaterThan(3);
    const all = inspect([heard, where.happened], { depth: 9, showHidden: true });
    for (const part of [secret, secret.toLowerCase(), secret.slice(0, 16)]) expect(all).not.toContain(part);
    for (const spy of printed) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  test("no error of a session, a store's outage among them, tells a secret, a hash of one, or a field's value", async () => {
    const where = rig();
    const cookie = await loggedIn(where, "ann", { iban: "DE00 secret value" });
    const one = await visit(where, cookie);
    one.session.increment("n");
    const csrf = "no token of this session";
    const errors: unknown[] = [];
    const note = (error: unknown): void => void errors.push(error);
    where.faulty.always("update", failsBefore(new Error("down")));
    await one.finish().catch(note);
    where.faulty.heal();
    const two = await visit(where, cookie);
    for (const work of [
      () => two.session.requireCsrfToken(csrf),
      () => two.session.requireFresh({ level: "aal3" }),
      () => two.session.increment("iban"),
      () => void two.session.set("~x", "a secret value"),
      () => void two.session.set("f", (() => "a secret value") as never),
    ]) {
      try {
        work();
      } catch (error) {
        note(error);
      }
    }
    await two.finish().catch(note);
    expect(errors.filter((error) => SessionError.is(error)).length).toBeGreaterThan(4);
    const all = inspect(errors, { depth: 9, showHidden: true });
    for (const secret of [
      cookie.slice(-32),
      Token.parse(cookie.slice(-56))?.secretHash() ?? "?",
      "secret value",
      csrf,
    ])
      expect(all).not.toContain(secret);
  });

  test("nor does an answer that reflects what it can of the session", async () => {
    const { app } = await served(
      {},
      {
        routes: {
          "/all": (route) =>
            route.send({
              body: [
                String(route.session),
                JSON.stringify(route.session),
                inspect(route.session, { depth: 9, showHidden: true }),
              ].join("\n"),
            }),
        },
      },
    );
    const browser = app.browser();
    await browser.get("/login?user=ann");
    const reply = await browser.get("/all");
    expect(reply.body).toContain("ann");
    expect(reply.body).not.toContain((browser.token ?? "?").slice(24));
    expect(await done(rig(), undefined, () => undefined)).toBeUndefined();
  });
});
