import { describe, expect, test } from "vitest";
import type { AnyStore } from "../../../src/core/store.ts";
import { expectNothingLost } from "../killed.ts";
import { DRIVERS, freshFile, rawOn, storeOn } from "./support.ts";

describe.each(DRIVERS)("sqlite by %s, its processes killed", (driver) => {
  test(
    "nothing acknowledged is lost, nothing is half done and nothing deleted comes back",
    { timeout: 60_000 },
    async () => {
      const file = freshFile();
      const store = await storeOn(file, driver);
      const opening = driver === "node:sqlite" ? "builtIn" : "better";
      const module = new URL("./opening.ts", import.meta.url);
      await expectNothingLost(store as Required<AnyStore>, { module, export: opening, file });

      const raw = rawOn(file, driver);
      expect(raw.prepare("PRAGMA integrity_check").get()).toMatchObject({ integrity_check: "ok" });
      for (const table of ["holdfast_fields", "holdfast_labels"]) {
        const orphans = `SELECT count(*) AS n FROM ${table} WHERE session_id NOT IN (SELECT id FROM holdfast_sessions)`;
        expect(raw.prepare(orphans).get()).toMatchObject({ n: 0 });
      }
    },
  );
});
