import { describe, expect, test } from "vitest";
import type { AnyStore } from "../../../src/core/store.ts";
import { sessionOf } from "../../../src/stores/lmdb/keys.ts";
import { expectNothingLost } from "../killed.ts";
import { freshFile, keysOf, rootOn, storeOn, tableOf } from "./support.ts";

describe.each(["power", "process"] as const)(
  "lmdb with durability %s, its processes killed",
  (durability) => {
    test(
      "nothing acknowledged is lost, nothing is half done and nothing deleted comes back",
      { timeout: 60_000 },
      async () => {
        const file = freshFile();
        const store = await storeOn(file, { durability });
        const opening = durability === "power" ? "synced" : "unsynced";
        const module = new URL("./opening.ts", import.meta.url);
        await expectNothingLost(store as unknown as Required<AnyStore>, { module, export: opening, file });

        const keys = keysOf(tableOf(rootOn(file)));
        const living = new Set(keys.filter((key) => key.startsWith("s")).map((key) => sessionOf(key).id));
        const belonging = keys.filter((key) => /^[ld]/.test(key)).map((key) => key.slice(-24));
        for (const id of belonging) expect(living).toContain(id);
      },
    );
  },
);
