import { describe, expect, test } from "vitest";
import { withServers } from "../../support/servers/programs.ts";
import { benchOn, call, idOf, KINDS, NOW, recordOf } from "./support.ts";

const at = { now: NOW, epoch: 1 };

for (const kind of KINDS) {
  withServers([kind], () => {
    describe(`the rows of ${kind}`, () => {
      const bench = benchOn(kind);

      async function count(table: string): Promise<number> {
        const rows = await bench.raw.rows(`SELECT COUNT(*) AS n FROM ${table}`);
        return Number(rows[0]?.["n"]);
      }

      test("no field and no label of a session stays behind, however it went", async () => {
        const location = bench.location();
        const { table = "" } = location;
        const store = await bench.store(location);
        const labels = ["user:1", "tenant:1"];
        const fields = { a: "1", b: "2" };
        await store.create(recordOf("kept", { fields, labels, expiresAt: NOW + 9000 }), call());
        const ways = [
          () => store.delete(idOf("gone"), {}, call()),
          () => store.delete(idOf("gone"), { ifVersion: 1, label: "tenant:1" }, call()),
          () => store.deleteByLabel("user:1", [idOf("kept")], call()),
          () => store.sweep(NOW + 2000, 10, call()),
        ];
        for (const way of ways) {
          await store.create(recordOf("gone", { fields, labels }), call());
          await way();
          expect(await store.read(idOf("gone"), call())).toBeNull();
          expect([
            await count(table),
            await count(`${table}_fields`),
            await count(`${table}_labels`),
          ]).toEqual([1, 2, 2]);
        }
      });

      test("the row of a removed field goes, but for those of the library's own names, which come again", async () => {
        const location = bench.location();
        const store = await bench.store(location);
        await store.create(recordOf("a", { fields: { a: "1", "~flash": "[]", b: "2" } }), call());
        await store.update(idOf("a"), { ...at, remove: ["a", "~flash"] }, call());
        expect((await store.read(idOf("a"), call()))?.fields).toEqual({ b: "2" });
        expect(await count(`${location.table}_fields`)).toBe(2);
        await store.update(idOf("a"), { ...at, set: { "~flash": "[1]" } }, call());
        expect((await store.read(idOf("a"), call()))?.fields).toEqual({ b: "2", "~flash": "[1]" });
      });

      test("a first field may have the name of nothing", async () => {
        const store = await bench.store();
        await store.create(recordOf("a", { fields: {} }), call());
        const outcome = await store.update(idOf("a"), { ...at, set: { null: "1" } }, call());
        expect(outcome).toEqual({ kind: "done", version: 2 });
      });

      test("a change of more fields than one statement joins is applied whole or not at all", async () => {
        const store = await bench.store();
        await store.create(recordOf("a", { fields: { gone: "1" } }), call());
        const set = Object.fromEntries(
          Array.from({ length: 300 }, (_, index) => [`f${index}`, String(index)]),
        );
        const change = { ...at, set, remove: ["gone"] };
        expect((await store.update(idOf("a"), { ...change, ifVersion: 9 }, call())).kind).toBe("conflict");
        expect((await store.read(idOf("a"), call()))?.fields).toEqual({ gone: "1" });
        expect(await store.update(idOf("a"), change, call())).toEqual({ kind: "done", version: 2 });
        expect((await store.read(idOf("a"), call()))?.fields).toEqual(set);
      });

      test("a record of a newer format is an outage for readers and writers, and no page stumbles over it", async () => {
        const newer = { code: "ERR_SESSION_FORMAT" };
        const store = await bench.store();
        await store.create(recordOf("b"), call());
        await store.create(recordOf("a", { fields: { "~format": "2" } }), call());
        await expect(store.read(idOf("a"), call())).rejects.toMatchObject(newer);
        await expect(store.update(idOf("a"), { ...at, set: { a: "1" } }, call())).rejects.toMatchObject(
          newer,
        );
        await expect(store.update(idOf("a"), { ...at, expiresAt: NOW + 9 }, call())).rejects.toMatchObject(
          newer,
        );
        expect(await store.delete(idOf("a"), { ifVersion: 1 }, call())).toBe("conflict");
        expect((await store.all({ limit: 9 }, call())).records).toHaveLength(1);
        expect(await store.sweep(NOW + 2000, 9, call())).toEqual({ deleted: 2, more: false });
        await store.create(recordOf("c"), call());
        await store.update(idOf("c"), { ...at, set: { "~format": "2" } }, call());
        await expect(store.update(idOf("c"), { ...at, set: { a: "1" } }, call())).rejects.toMatchObject(
          newer,
        );
      });

      test("a sweep from many stores at once, beside touches, deletes each once and no live one", async () => {
        const location = bench.location({ connections: 3 });
        const stores = await Promise.all([1, 2, 3].map(() => bench.store(location)));
        const [first] = stores;
        for (let index = 0; index < 60; index++) {
          const expiresAt = index % 2 === 0 ? NOW : NOW + 1;
          await first?.create(recordOf(`n${index}x`, { expiresAt }), call());
        }
        const swept = stores.flatMap((store) => [store.sweep(NOW, 50, call()), store.sweep(NOW, 50, call())]);
        const touched = Array.from({ length: 30 }, async (_, index) =>
          stores[index % 3]?.update(idOf(`n${2 * index + 1}x`), { ...at, expiresAt: NOW + 500 }, call()),
        );
        const outcomes = await Promise.all(touched);
        expect(outcomes.map((outcome) => outcome?.kind)).toEqual(Array.from({ length: 30 }, () => "done"));
        const deleted = (await Promise.all(swept)).reduce((sum, one) => sum + one.deleted, 0);
        expect(deleted).toBe(30);
        expect((await first?.all({ limit: 99 }, call()))?.records).toHaveLength(30);
      });
    });
  });
}
