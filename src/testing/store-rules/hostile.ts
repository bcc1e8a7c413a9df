import assert from "node:assert/strict";
import type { SessionId } from "../../core/record.ts";
import { group, rule, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

/** Field names that the core allows and that have broken stores: properties of every object, and what queries and paths are made of. */
const NAMES: readonly string[] = [
  "constructor",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "isPrototypeOf",
  "__defineGetter__",
  "length",
  "then",
  "toJSON",
  "id",
  "version",
  "fields",
  "labels",
  "expiresAt",
  "0",
  "-1",
  "1e3",
  "null",
  "undefined",
  "NaN",
  "true",
  "a.b",
  "$set",
  "$where",
  "a[0]",
  "a/b",
  "..",
  "'",
  '"',
  "`",
  "\\",
  "%",
  "_",
  ":x",
  "?",
  "@p",
  "#",
  "--",
  ";",
  "{}",
  "[]",
  " ",
  "é",
  "e\u0301",
  "日本",
  "🍪",
  "👩‍👩‍👧",
  "\u202eabc",
  "ß",
  "İ",
  "n".repeat(128),
  "名".repeat(42),
];

/** Texts that have been cut, decoded, escaped or compared wrongly somewhere. */
const TEXTS: readonly string[] = [
  "",
  " ",
  "0",
  "null",
  '""',
  "{",
  "not json",
  "'",
  '"',
  "\\",
  "\\\\",
  "\\u0000",
  "\\ud800",
  "%00",
  "%s%d",
  "$1 ${x}",
  "'; DROP TABLE sessions;--",
  "line\nbreak",
  "\r\n",
  "\t",
  "\u0001\u001f\u007f",
  "\u0085\u2028\u2029",
  "\ufeffbom",
  "é",
  "e\u0301",
  "\u202e\u2066rtl\u2069",
  "🍪",
  "👩‍👩‍👧‍👦",
  "𝒳",
  "\u{10ffff}",
  "\uffff\ufffe",
  "a".repeat(65_535),
  "b".repeat(65_536),
  "é".repeat(70_000),
];

const LABELS: readonly string[] = [
  "user:%",
  "user:_",
  "user:*",
  "user:?",
  "user:[a-z]",
  "user:'",
  'user:"',
  "user:\\",
  "user:\n",
  "user:\t",
  "user: ",
  "user:",
  "user:a,b",
  "user:a|b",
  "user:a:b",
  "user:a/b",
  "user:../x",
  "user:🍪",
  "user:é",
  "user:e\u0301",
  "user:ß",
  "user:ss",
  "user:x",
  "user:X",
  "user:null",
  "user:0",
  "user:00",
  "constructor",
  "__proto__",
  "toString",
  "u".repeat(256),
  "名".repeat(256),
];

const MEGABYTE = "m".repeat(1024 * 1024);

export const hostileRules: readonly StoreRule[] = group("hostile values", [
  rule("every field name that the core allows is a name like any other", async ({ store }) => {
    const fields = Object.fromEntries(NAMES.map((name, index) => [name, `text ${index}`]));
    const record = await s.put(store, s.recordOf("names", { fields }));
    await s.assertStored(store, record);
    await s.put(store, s.recordOf("empty"));
    const empty = (await s.readThere(store, "empty")).fields;
    for (const name of NAMES)
      assert.equal(Object.hasOwn(empty, name), false, `an empty record has no field ${name}`);
  }),

  rule("each such name can be set, changed and removed by itself", async ({ store }) => {
    const record = await s.put(store, s.recordOf("names", { fields: { witness: "1" } }));
    let version = 1;
    for (const name of NAMES) {
      version = await s.apply(store, "names", { set: { [name]: "first" } });
      version = await s.apply(store, "names", { set: { [name]: "second" }, ifVersion: version });
      const fields = { witness: "1", [name]: "second" };
      await s.assertStored(store, { ...record, version, fields });
      version = await s.apply(store, "names", { remove: [name], ifVersion: version });
      await s.assertStored(store, { ...record, version });
    }
  }),

  rule(
    "a store never looks inside a text: whatever it is comes back as it was",
    { races: [14] },
    async ({ store }) => {
      const fields = Object.fromEntries(TEXTS.map((text, index) => [`text${index}`, text]));
      const record = await s.put(store, s.recordOf("texts", { fields }));
      await s.assertStored(store, record);
      await s.put(store, s.recordOf("one"));
      for (const text of TEXTS) {
        await s.apply(store, "one", { set: { text } });
        assert.equal((await s.readThere(store, "one")).fields["text"], text);
      }
    },
  ),

  rule("a text of 1 MB comes back whole, also beside small ones", async ({ store }) => {
    const record = await s.put(store, s.recordOf("big", { fields: { big: MEGABYTE, small: "1" } }));
    await s.assertStored(store, record);
    await s.apply(store, "big", { set: { small: "2" } });
    await s.assertStored(store, { ...record, version: 2, fields: { big: MEGABYTE, small: "2" } });
    const other = `${MEGABYTE.slice(0, -2)}🍪`;
    await s.apply(store, "big", { set: { big: other } });
    assert.equal((await s.readThere(store, "big")).fields["big"], other);
  }),

  rule("deeply nested JSON is a text like any other", async ({ store }) => {
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const record = await s.put(store, s.recordOf("deep", { fields: { deep } }));
    await s.assertStored(store, record);
  }),

  rule("a record of 2000 fields can be written, changed and read", async ({ store }) => {
    const fields = Object.fromEntries(s.range(2000).map((index) => [`field${index}`, String(index)]));
    const record = await s.put(store, s.recordOf("many", { fields }));
    await s.assertStored(store, record);
    const set = Object.fromEntries(s.range(1000).map((index) => [`field${2 * index}`, "changed"]));
    const removed = s.range(500).map((index) => `field${4 * index + 1}`);
    await s.apply(store, "many", { set, remove: removed });
    const expected = { ...fields, ...set };
    for (const name of removed) delete expected[name];
    await s.assertStored(store, { ...record, version: 2, fields: expected });
  }),

  rule("ids that differ only in case are different ids", async ({ store, claims }) => {
    const names = ["abcdefghABCDEFGH00000000", "ABCDEFGHabcdefgh00000000", "abcdefghabcdefgh00000000"];
    const records = names.map((name) => s.recordOf(name, { labels: ["user:1"], fields: { name } }));
    for (const record of records) await s.put(store, record);
    for (const record of records) await s.assertStored(store, record);
    const [first, ...others] = records;
    assert.ok(first);
    await s.apply(store, first.id, { set: { name: "changed" } });
    assert.equal(await s.remove(store, first.id), "done");
    for (const other of others) await s.assertStored(store, other);
    if (claims("labels")) assert.deepEqual(s.idsOf(await s.listed(store, "user:1")), s.idsOf(others));
  }),

  rule("ids of every base64url character are told apart", async ({ store }) => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const names = Array.from(alphabet, (letter) => letter.repeat(24));
    names.push(
      "-".padEnd(24, "a"),
      "_".padEnd(24, "a"),
      "a".padEnd(24, "-"),
      "a".padEnd(24, "_"),
      "--help".padEnd(24, "-"),
    );
    const records = names.map((name) => s.recordOf("x", { id: name as SessionId, fields: { name } }));
    for (const record of records) await s.put(store, record);
    for (const record of records) await s.assertStored(store, record);
    for (const record of records) assert.equal(await s.remove(store, record.id), "done");
    for (const record of records) await s.assertAbsent(store, record.id);
  }),

  rule("numbers at the edges come back exactly", async ({ store }) => {
    const largest = Number.MAX_SAFE_INTEGER;
    const large = {
      epoch: largest,
      version: largest - 1,
      createdAt: largest - 3,
      accessedAt: largest - 2,
      expiresAt: largest - 1,
      endsAt: largest,
    };
    const record = await s.put(store, s.recordOf("large", large));
    await s.assertStored(store, record);
    const outcome = await s.update(store, "large", {
      epoch: largest,
      ifVersion: largest - 1,
      set: { a: "1" },
      expiresAt: largest,
    });
    assert.deepEqual(outcome, { kind: "done", version: largest });
    await s.assertStored(store, { ...record, version: largest, expiresAt: largest, fields: { a: "1" } });
    assert.equal((await s.update(store, "large", { epoch: largest - 1 })).kind, "stale");
    assert.equal(await s.remove(store, "large", { ifVersion: largest - 1 }), "conflict");
  }),

  rule("times and counts of zero are numbers like any other", async ({ store }) => {
    const zero = { epoch: 0, version: 0, createdAt: 0, accessedAt: 0, endsAt: 0 };
    const record = await s.put(store, s.recordOf("zero", zero));
    await s.assertStored(store, record);
    assert.deepEqual(await s.update(store, "zero", { now: 0, epoch: 0, ifVersion: 0, set: {} }), {
      kind: "done",
      version: 1,
    });
    const renew = { secretHash: s.hashOf("x"), nextEpoch: 0, endsAt: 0 };
    assert.equal((await s.update(store, "zero", { now: 0, epoch: 0, accessedAt: 0, renew })).kind, "done");
    await s.assertStored(store, { ...record, version: 2, secretHash: renew.secretHash });
    assert.equal(await s.remove(store, "zero", { ifVersion: 0 }), "conflict");
  }),

  rule(
    "labels are compared to the letter, whatever they are made of",
    { needs: ["labels"] },
    async ({ store }) => {
      for (const [index, label] of LABELS.entries())
        await s.put(store, s.recordOf(`n${index}`, { labels: [label] }));
      for (const [index, label] of LABELS.entries()) {
        assert.deepEqual(
          s.idsOf(await s.listed(store, label)),
          [s.idOf(`n${index}`)],
          `records that bear ${JSON.stringify(label.slice(0, 20))}`,
        );
      }
      for (const unknown of ["", "%", "*", "user:%%", "user", "USER:X", "u".repeat(255), "u".repeat(257)]) {
        assert.deepEqual(await s.listed(store, unknown), []);
        assert.equal(await s.labelsOf(store).deleteByLabel(unknown, [], s.call()), 0);
      }
      for (const label of LABELS) assert.equal(await s.labelsOf(store).deleteByLabel(label, [], s.call()), 1);
    },
  ),

  rule("a record that bears all of them is found by each", { needs: ["labels"] }, async ({ store }) => {
    const record = await s.put(store, s.recordOf("all", { labels: LABELS }));
    await s.assertStored(store, record);
    for (const label of LABELS) assert.equal((await s.listed(store, label)).length, 1);
    assert.equal(await s.remove(store, "all", { label: "user:%" }), "done");
    for (const label of LABELS) assert.deepEqual(await s.listed(store, label), []);
  }),

  rule("a label that a record bears twice lists it once", { needs: ["labels"] }, async ({ store }) => {
    await s.put(store, s.recordOf("twice", { labels: ["user:1", "user:1"] }));
    assert.equal((await s.listed(store, "user:1")).length, 1);
    assert.equal(await s.labelsOf(store).deleteByLabel("user:1", [], s.call()), 1);
    assert.deepEqual(await s.listed(store, "user:1"), []);
  }),
]);
