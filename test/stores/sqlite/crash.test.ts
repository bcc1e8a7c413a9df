import { readFileSync } from "node:fs";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import type { SessionId } from "../../../src/core/record.ts";
import { idOf, SHARED } from "./storm-plan.ts";
import { call, DRIVERS, freshFile, message, rawOn, recordOf, start, storeOn } from "./support.ts";

const LIVES = 5;

/** One process after another storms the file; each is killed in the middle of its work, by its own id. */
async function liveAndDie(file: string, driver: string, log: string, name: string): Promise<void> {
  for (let life = 0; life < LIVES; life++) {
    const child = start("./storm.ts", file, driver, log, `${name}${life}`);
    // Killed after another number of turns each time, and not at the end of one.
    for (let turn = 0; turn < 15 + life * 7; turn++) await message(child);
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

function tally(lines: readonly string[]): Map<string, string[]> {
  const byVerb = new Map<string, string[]>();
  for (const line of lines) {
    const [verb = "", name = ""] = line.split(" ");
    byVerb.set(verb, [...(byVerb.get(verb) ?? []), name]);
  }
  return byVerb;
}

describe.each(DRIVERS)("sqlite by %s, its processes killed", (driver) => {
  test(
    "nothing acknowledged is lost, nothing is half done and nothing deleted comes back",
    { timeout: 60_000 },
    async () => {
      const file = freshFile();
      const store = await storeOn(file, driver);
      for (const name of SHARED)
        await store.create(recordOf("x", { id: idOf(name), fields: { count: "0" } }), call());

      await Promise.all(["p", "q"].map((name) => liveAndDie(file, driver, `${file}.${name}.log`, name)));

      const lines = ["p", "q"].flatMap((name) => readFileSync(`${file}.${name}.log`, "utf8").split("\n"));
      const books = tally(lines.filter((line) => line !== ""));
      let counted = 0;
      for (const name of SHARED) counted += Number((await store.read(idOf(name), call()))?.fields["count"]);
      const acknowledged = books.get("increment")?.length ?? 0;
      expect(acknowledged).toBeGreaterThan(LIVES * 2 * 15);
      expect(counted).toBeGreaterThanOrEqual(acknowledged);
      // Each process that was killed had one increment under way, which may have been stored unheard.
      expect(counted).toBeLessThanOrEqual(acknowledged + LIVES * 2);

      const leaving = new Set(books.get("deleting"));
      for (const name of books.get("created") ?? []) {
        if (leaving.has(name)) continue;
        expect((await store.read(idOf(name), call()))?.fields).toEqual({
          own: name,
          padding: "x".repeat(3000),
        });
      }
      for (const name of books.get("deleted") ?? []) expect(await store.read(idOf(name), call())).toBeNull();

      const raw = rawOn(file, driver);
      expect(raw.prepare("PRAGMA integrity_check").get()).toMatchObject({ integrity_check: "ok" });
      for (const table of ["holdfast_fields", "holdfast_labels"]) {
        const orphans = `SELECT count(*) AS n FROM ${table} WHERE session_id NOT IN (SELECT id FROM holdfast_sessions)`;
        expect(raw.prepare(orphans).get()).toMatchObject({ n: 0 });
      }
      const listed = await store.listByLabel("user:storm", { limit: 10_000 }, call());
      const walked = await store.all({ limit: 10_000 }, call());
      const ids = (records: readonly { readonly id: SessionId }[]): string[] => records.map(({ id }) => id);
      expect(ids(listed.records)).toEqual(
        ids(walked.records.filter(({ labels }) => labels.includes("user:storm"))),
      );
    },
  );
});
