import { expect, test } from "vitest";
import { codeOf, rig, seen, stored, visit } from "../races/rig.ts";

test("a new secret is not made for a response that turned out to carry no cookie, and the old one stays good", async () => {
  const where = rig();
  const cookie = await stored(where, { colour: "red" });
  const one = await visit(where, cookie);
  one.session.rotate();
  one.exchange.canSetCookie = false;
  expect(await codeOf(one.finish())).toBe("ERR_SESSION_SENT");
  expect(await seen(where, cookie)).toEqual({ colour: "red" });
});

test("a login that its response cannot tell the client of does not take place", async () => {
  const where = rig();
  const cookie = await stored(where, { colour: "red" });
  const one = await visit(where, cookie);
  one.session.login("ada");
  one.exchange.canSetCookie = false;
  expect(await codeOf(one.finish())).toBe("ERR_SESSION_SENT");
  expect(await seen(where, cookie)).toEqual({ colour: "red" });
});
