import { describe, expect, onTestFinished, test } from "vitest";
import { type SqliteDriverName, type SqliteStore, sqliteStore } from "../../../src/stores/sqlite.ts";
import { call, DRIVERS, freshFile, idOf, NOW, rawOn, recordOf } from "./support.ts";

type RowCounts = Readonly<Record<"sessions" | "fields" | "labels", number>>;

const ONE_LEFT: RowCounts = { sessions: 1, fields: 2, labels: 2 };

/** A store with a session to delete and one to keep, each of two fields and two labels, and the rows as another connection sees them. */
async function twoSessions(
  driver: SqliteDriverName,
): Promise<{ readonly store: SqliteStore; counts(): RowCounts }> {
  const file = freshFile();
  const store = sqliteStore(file, { driver });
  onTestFinished(() => store.close());
  await store.setup(call());
  const fields = { a: "1", b: "2" };
  const labels = ["user:1", "tenant:1"];
  await store.create(recordOf("gone", { fields, labels }), call());
  await store.create(recordOf("kept", { fields, labels, expiresAt: NOW + 1500 }), call());
  const raw = rawOn(file, driver);
  const countOf = (table: string): number => {
    const row = raw.prepare(`SELECT count(*) AS count FROM holdfast_${table}`).get();
    return (row as { readonly count: number }).count;
  };
  const counts = (): RowCounts => ({
    sessions: countOf("sessions"),
    fields: countOf("fields"),
    labels: countOf("labels"),
  });
  expect(counts()).toEqual({ sessions: 2, fields: 4, labels: 4 });
  return { store, counts };
}

describe.each(DRIVERS)("sqlite by %s leaves no field and no label of a session behind", (driver) => {
  test("that was deleted", async () => {
    const { store, counts } = await twoSessions(driver);
    expect(await store.delete(idOf("gone"), {}, call())).toBe("done");
    expect(counts()).toEqual(ONE_LEFT);
  });

  test("that was deleted by one of its labels", async () => {
    const { store, counts } = await twoSessions(driver);
    expect(await store.deleteByLabel("user:1", [idOf("kept")], call())).toBe(1);
    expect(counts()).toEqual(ONE_LEFT);
  });

  test("that was swept", async () => {
    const { store, counts } = await twoSessions(driver);
    expect(await store.sweep(NOW + 1200, 10, call())).toEqual({ deleted: 1, more: false });
    expect(counts()).toEqual(ONE_LEFT);
  });
});
