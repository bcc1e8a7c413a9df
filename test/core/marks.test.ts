import { expect, test } from "vitest";
import type { AnyStore } from "../../src/core/store.ts";
import { markId } from "../../src/core/token.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { gate, waitsAfter } from "../../src/testing/index.ts";
import { codeOf, loggedIn, noUnhandledRejections, rig, visit } from "../races/rig.ts";

noUnhandledRejections();

const EVERYONE = markId("not before, everyone");

test("logins that are stored together look once whether everybody was revoked, and each whether its user was", async () => {
  const store: AnyStore = memoryStore();
  const read = store.read.bind(store);
  const asked: string[] = [];
  store.read = (id, call) => {
    asked.push(id);
    return read(id, call);
  };
  const where = rig({ store });
  await loggedIn(where, "first");
  asked.length = 0;
  const visits = await Promise.all(["ann", "bob", "eve"].map(() => visit(where)));
  for (const [place, { session }] of visits.entries()) session.login(`user ${place}`);
  await Promise.all(visits.map((one) => one.finish()));
  expect(asked.filter((id) => id === EVERYONE)).toHaveLength(1);
  expect(new Set(asked).size).toBe(4);
});

test("a login does not believe a look that began before it was stored", async () => {
  const where = rig();
  const one = await visit(where);
  const other = await visit(where);
  one.session.login("ann");
  other.session.login("bob");
  const looks = gate();
  where.faulty.next("read", waitsAfter(looks), 2);
  const finishing = one.finish();
  await looks.reached(2);
  await where.manager.revokeAll();
  expect(await codeOf(other.finish())).toBe("ERR_SESSION_REVOKED");
  looks.open();
  await finishing;
});
