// What a manager makes of a store upon an engine without conditions: one that an application had for express-session.
import session from "express-session";
import { describe, expect, test } from "vitest";
import { createStorage } from "unstorage";
import { Keyv } from "keyv";
import { expressSessionStore } from "../../../src/stores/express-session.ts";
import { keyvStore } from "../../../src/stores/keyv.ts";
import { unstorageStore } from "../../../src/stores/unstorage.ts";
import { done, loggedIn, rig, visit } from "../../races/rig.ts";

const STORES = {
  "express-session's": () => expressSessionStore(new session.MemoryStore()),
  "unstorage's": () => unstorageStore(createStorage()),
  "Keyv's": () => keyvStore(new Keyv()),
};

for (const [name, open] of Object.entries(STORES)) {
  describe(`a manager upon ${name} store`, () => {
    test("keeps what overlapping requests change, and counts exactly (P1)", async () => {
      const here = rig({ store: open() });
      const cookie = await loggedIn(here, "ann");
      const visits = await Promise.all(Array.from({ length: 16 }, () => visit(here, cookie)));
      for (const [index, one] of visits.entries()) {
        one.session.data[`f${index}`] = index;
        one.session.increment("views");
      }
      await Promise.all(visits.map((one) => one.finish()));
      const after = await visit(here, cookie);
      expect(after.session.data["views"]).toBe(16);
      expect(Object.keys(after.session.data)).toHaveLength(17);
    });

    test("has a logout win over a request under way (P2)", async () => {
      const here = rig({ store: open() });
      const cookie = await loggedIn(here, "ann");
      const slow = await visit(here, cookie);
      slow.session.data["late"] = true;
      await done(here, cookie, (one) => void one.logout());
      await slow.finish();
      expect((await visit(here, cookie)).session.isNew).toBe(true);
      expect(here.names()).toContain("gone");
    });

    test("ends all sessions of a user", async () => {
      const here = rig({ store: open() });
      const cookies = [await loggedIn(here, "ann"), await loggedIn(here, "ann")];
      const other = await loggedIn(here, "bob");
      await here.manager.revokeUser("ann");
      for (const cookie of cookies) expect((await visit(here, cookie)).session.user).toBeNull();
      expect((await visit(here, other)).session.user).toBe("bob");
    });
  });
}
