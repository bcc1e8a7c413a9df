import { describe, expect, test } from "vitest";
import { call, DRIVERS, freshFile, idOf, message, NOW, rawOn, recordOf, start, storeOn } from "./support.ts";

const EXPIRED = 10_000;

describe.each(DRIVERS)("sqlite by %s, swept by two other processes", (driver) => {
  test("keeps no write waiting while many of their transactions pass", { timeout: 60_000 }, async () => {
    const file = freshFile();
    const store = await storeOn(file, driver);
    await store.create(recordOf("a", { expiresAt: NOW + 1_000_000 }), call());
    const records = Array.from({ length: EXPIRED }, (_, index) =>
      recordOf(`e${index}x`, { expiresAt: NOW - 1, fields: { a: "x".repeat(500) } }),
    );
    await Promise.all(records.map((record) => store.create(record, call())));

    const sweepers = [0, 1].map(() => start("./sweeper.ts", file, driver, String(NOW)));
    await Promise.all(sweepers.map(message));
    const swept = Promise.all(sweepers.map(message));
    let over = false;
    void swept.then(() => (over = true));
    for (const sweeper of sweepers) sweeper.send("go");

    const raw = rawOn(file, driver);
    const left = raw.prepare("SELECT count(*) AS count FROM holdfast_sessions");
    const rows = (): number => (left.get() as { count: number }).count;
    const passed: number[] = [];
    while (!over) {
      // Now and then, as requests come; whoever asks again at once would get its turn by being quick.
      await new Promise((resolve) => setTimeout(resolve, 5));
      const before = rows();
      const change = { now: NOW, epoch: 1, set: { a: String(before) } };
      expect(await store.update(idOf("a"), change, call())).toMatchObject({ kind: "done" });
      passed.push(before - rows());
    }
    // How much was swept while one write waited: some transactions of each sweeper, and not hundreds.
    expect(Math.max(...passed)).toBeLessThan(EXPIRED / 5);
    expect((await swept).reduce<number>((sum, deleted) => sum + Number(deleted), 0)).toBe(EXPIRED);
  });
});
