import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type Codec, jsonCodec } from "../../src/core/codec.ts";
import { Draft, type DraftRules, type Staged } from "../../src/core/draft.ts";
import { type FieldSchemas, SessionError } from "../../src/index.ts";

type Fields = Record<string, string>;

function draftOf(data: Record<string, unknown>, schemas: FieldSchemas = {}, codec: Codec = jsonCodec) {
  const invalid: string[] = [];
  const rules: DraftRules = { codec, schemas, onInvalid: (field) => void invalid.push(field) };
  return { draft: new Draft(fieldsOf(data), rules), invalid };
}

function fieldsOf(data: Record<string, unknown>): Fields {
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, jsonCodec.encode(value)]));
}

function written(staged: Staged): Record<string, unknown> {
  const set = Object.entries(staged.set).map(([name, text]) => [name, jsonCodec.decode(text)] as const);
  return Object.fromEntries([...set, ...staged.remove.map((name) => [name, "(removed)"] as const)]);
}

/** Writes what is staged, as a store would that nobody else uses. */
function commit(draft: Draft): Fields {
  const staged = draft.stage();
  const fields = draft.merged(staged);
  draft.settle(fields, staged);
  return fields;
}

function code(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return SessionError.is(error) ? error.code : String(error);
  }
  return "no error";
}

describe("what is written", () => {
  test("nothing, when nothing was done or values were only read", () => {
    const { draft } = draftOf({ cart: { items: [1] }, when: new Date(0), n: 1 });
    expect(written(draft.stage())).toEqual({});
    for (const name of ["cart", "when", "n", "absent"]) draft.get(name);
    expect(written(draft.stage())).toEqual({});
  });

  test("a value changed in place, however deep", () => {
    const { draft } = draftOf({
      cart: { items: [{ n: 1 }] },
      tags: new Map([["a", new Set([1])]]),
      other: {},
    });
    (draft.get("cart") as { items: { n: number }[] }).items[0]!.n = 2;
    (draft.get("tags") as Map<string, Set<number>>).get("a")!.add(2);
    draft.get("other");
    expect(written(draft.stage())).toEqual({
      cart: { items: [{ n: 2 }] },
      tags: new Map([["a", new Set([1, 2])]]),
    });
  });

  test("a date moved in place", () => {
    const { draft } = draftOf({ when: new Date(0) });
    (draft.get("when") as Date).setFullYear(1999);
    expect((written(draft.stage())["when"] as Date).getFullYear()).toBe(1999);
  });

  test("nothing, when a value was changed in place and changed back", () => {
    const { draft } = draftOf({ list: [1, 2] });
    const list = draft.get("list") as number[];
    list.push(3);
    list.pop();
    expect(written(draft.stage())).toEqual({});
  });

  test("nothing, when the assigned value is the stored one", () => {
    const { draft } = draftOf({ cart: { a: 1 }, n: 1 });
    draft.set("cart", { a: 1 });
    draft.set("n", 1);
    draft.set("absent", undefined);
    expect(written(draft.stage())).toEqual({});
  });

  test("an assigned value as it is at the commit, not as it was when assigned", () => {
    const { draft } = draftOf({});
    const list = [1];
    draft.set("list", list);
    list.push(2);
    expect(written(draft.stage())).toEqual({ list: [1, 2] });
  });

  test("nothing, when what is stored is spelled another way than the codec would", () => {
    const rules: DraftRules = { codec: jsonCodec, schemas: {}, onInvalid: () => undefined };
    const draft = new Draft({ cart: '{ "a": 1.0, "b": "\\u00e9" }', sum: '~{"a":1}' }, rules);
    expect(draft.get("cart")).toEqual({ a: 1, b: "é" });
    draft.get("sum");
    expect(written(draft.stage())).toEqual({});
    (draft.get("cart") as { a: number }).a = 2;
    expect(written(draft.stage())).toEqual({ cart: { a: 2, b: "é" } });
  });

  test("an error that names the field, when a value cannot be stored", () => {
    const { draft } = draftOf({ list: [1] });
    (draft.get("list") as unknown[]).push(() => 1);
    expect(() => draft.stage()).toThrow(/"list".*\[1\].*function/);
  });
});

describe("which commits depend on what was read", () => {
  test("a blind assignment does not, also when it is read back", () => {
    const { draft } = draftOf({ n: 1, list: [1] });
    draft.set("n", 2);
    draft.set("list", [2]);
    expect(draft.get("n")).toBe(2);
    expect(draft.get("list")).toEqual([2]);
    expect(draft.has("n")).toBe(true);
    expect(draft.stage().dependent).toBe(false);
    expect(draft.rebase(fieldsOf({ n: 7, list: [7] }))).toEqual([]);
    expect(written(draft.stage())).toEqual({ n: 2, list: [2] });
  });

  test("a blind assignment does not, after an earlier one of this request was written", () => {
    const { draft } = draftOf({});
    for (const pct of [1, 2]) {
      draft.set("progress", { pct });
      draft.set("step", pct);
      expect(draft.stage().dependent).toBe(false);
      commit(draft);
    }
  });

  test("a value that was written and then changed in place does", () => {
    const { draft } = draftOf({});
    const list = [1];
    draft.set("list", list);
    commit(draft);
    list.push(2);
    expect(draft.stage().dependent).toBe(true);
    expect(draft.rebase(fieldsOf({ list: [9] }))).toEqual(["list"]);
  });

  test.each(["get", "has"] as const)("an assignment after %s does", (verb) => {
    const { draft } = draftOf({ n: 1 });
    draft[verb]("n");
    draft.set("n", 2);
    expect(draft.stage().dependent).toBe(true);
    expect(draft.rebase(fieldsOf({ n: 7 }))).toEqual(["n"]);
  });

  test("an assignment after update does: update tells the value", () => {
    const { draft } = draftOf({ n: 1 });
    const n = draft.update("n", (value) => (value as number) + 1) as number;
    draft.set("n", n * 10);
    expect(draft.stage().dependent).toBe(true);
    expect(draft.rebase(fieldsOf({ n: 7 }))).toEqual(["n"]);
    expect(written(draft.stage())).toEqual({ n: 20 });
  });

  test("a field that was only read does not make a conflict of another one's change", () => {
    const { draft } = draftOf({ n: 1, m: { a: 1 } });
    draft.get("n");
    draft.get("m");
    draft.set("x", 1);
    expect(draft.rebase(fieldsOf({ n: 7, m: { a: 7 } }))).toEqual([]);
    expect(written(draft.stage())).toEqual({ x: 1 });
  });
});

describe("update", () => {
  test("is made again of the fresher value, in order", () => {
    const { draft } = draftOf({ n: 1 });
    draft.update("n", (value) => (value as number) + 1);
    draft.update("n", (value) => (value as number) * 2);
    expect(draft.rebase(fieldsOf({ n: 10 }))).toEqual([]);
    expect(written(draft.stage())).toEqual({ n: 22 });
  });

  test("that changes the value in place is made again of the fresher value", () => {
    const { draft } = draftOf({ list: [1] });
    draft.update("list", (value) => {
      (value as number[]).push(2);
      return value;
    });
    draft.rebase(fieldsOf({ list: [1, 9] }));
    expect(written(draft.stage())).toEqual({ list: [1, 9, 2] });
  });

  test("whose outcome is changed in place afterwards is an assignment, and another's change a conflict", () => {
    const { draft } = draftOf({ list: [1] });
    const list = draft.update("list", (value) => [...(value as number[]), 2]) as number[];
    list.push(3);
    expect(draft.rebase(fieldsOf({ list: [9] }))).toEqual(["list"]);
    expect(written(draft.stage())).toEqual({ list: [1, 2, 3] });
  });

  test("after a change in place keeps that change: it is not lost in silence when another request was first", () => {
    const { draft } = draftOf({ cart: { items: [1] } });
    (draft.get("cart") as { items: number[] }).items.push(2);
    draft.update("cart", (value) => ({ ...(value as object), note: "x" }));
    expect(draft.rebase(fieldsOf({ cart: { items: [9] } }))).toEqual(["cart"]);
    expect(written(draft.stage())).toEqual({ cart: { items: [1, 2], note: "x" } });
  });

  test("between two changes in place keeps them all", () => {
    const { draft } = draftOf({ list: [1] });
    const one = draft.update("list", (value) => [...(value as number[]), 2]) as number[];
    one.push(3);
    draft.update("list", (value) => [...(value as number[]), 4]);
    expect(draft.rebase(fieldsOf({ list: [9] }))).toEqual(["list"]);
    expect(written(draft.stage())).toEqual({ list: [1, 2, 3, 4] });
  });

  test("after an assignment is an assignment", () => {
    const { draft } = draftOf({ n: 1 });
    draft.set("n", 10);
    draft.update("n", (value) => (value as number) + 1);
    expect(draft.stage().dependent).toBe(false);
    expect(draft.rebase(fieldsOf({ n: 7 }))).toEqual([]);
    expect(written(draft.stage())).toEqual({ n: 11 });
  });

  test("is forgotten by an assignment after it", () => {
    const { draft } = draftOf({ n: 1 });
    draft.update("n", (value) => (value as number) + 1);
    draft.set("n", 100);
    draft.rebase(fieldsOf({ n: 7 }));
    expect(written(draft.stage())).toEqual({ n: 100 });
  });

  test("that gives undefined removes the field", () => {
    const { draft } = draftOf({ n: 1 });
    expect(draft.update("n", () => undefined)).toBeUndefined();
    expect(written(draft.stage())).toEqual({ n: "(removed)" });
  });

  test("with a promise is refused", () => {
    const { draft } = draftOf({ n: 1 });
    expect(code(() => draft.update("n", async () => 1))).toBe("ERR_SESSION_USE");
    expect(written(draft.stage())).toEqual({});
  });

  test("that throws half way leaves nothing half done", () => {
    const { draft } = draftOf({ list: [1] });
    const half = (value: unknown): never => {
      (value as number[]).push(2);
      throw new Error("half way");
    };
    expect(() => draft.update("list", half)).toThrow("half way");
    expect(written(draft.stage())).toEqual({});
    expect(draft.get("list")).toEqual([1]);
    draft.set("list", [5]);
    expect(() => draft.update("list", () => Promise.resolve(1))).toThrow(/synchronous/);
    expect(written(draft.stage())).toEqual({ list: [5] });
  });

  test("cannot be dropped in silence, also when its outcome was changed in place", () => {
    const { draft } = draftOf({ list: [1] });
    const list = draft.update("list", (value) => [...(value as number[]), 2]) as number[];
    expect(draft.stage().insistent).toBe(true);
    list.push(3);
    expect(draft.stage().insistent).toBe(true);
  });

  test("of a field that this request had read before another's write was laid under it counts on that write", () => {
    const { draft } = draftOf({ n: 1, other: 1 });
    expect(draft.get("n")).toBe(1);
    draft.rebase(fieldsOf({ n: 5, other: 1 }));
    draft.update("n", (value) => (value as number) + 1);
    draft.rebase(fieldsOf({ n: 5, other: 1 }));
    expect(written(draft.stage())).toEqual({ n: 6 });
  });
});

describe("take", () => {
  test("gives the value once and removes it", () => {
    const { draft } = draftOf({ code: "x" });
    expect(draft.take("code")).toBe("x");
    expect(draft.take("code")).toBeUndefined();
    expect(written(draft.stage())).toEqual({ code: "(removed)" });
    expect(draft.stage()).toMatchObject({ dependent: true, insistent: true });
  });

  test("of what is not there changes nothing", () => {
    const { draft } = draftOf({});
    expect(draft.take("code")).toBeUndefined();
    expect(written(draft.stage())).toEqual({});
  });

  test("fails when another request took or changed it first, also when it was assigned anew afterwards", () => {
    for (const fields of [{}, { code: "y" }]) {
      for (const after of [() => undefined, (draft: Draft) => draft.set("code", "z")]) {
        const { draft } = draftOf({ code: "x" });
        draft.take("code");
        after(draft);
        expect(draft.stage().insistent).toBe(true);
        expect(code(() => draft.rebase(fieldsOf(fields)))).toBe("ERR_SESSION_CONFLICT");
      }
    }
  });

  test("of what this request assigned itself is nobody else's", () => {
    const { draft } = draftOf({ code: "old" });
    draft.set("code", "mine");
    expect(draft.take("code")).toBe("mine");
    expect(draft.stage()).toMatchObject({ dependent: false, insistent: false });
    expect(draft.rebase(fieldsOf({ code: "theirs" }))).toEqual([]);
    expect(written(draft.stage())).toEqual({ code: "(removed)" });
  });

  test("gives a value changed in place as it is", () => {
    const { draft } = draftOf({ list: [1] });
    (draft.get("list") as number[]).push(2);
    expect(draft.take("list")).toEqual([1, 2]);
    expect(written(draft.stage())).toEqual({ list: "(removed)" });
  });

  test("that was written may be followed by anything", () => {
    const { draft } = draftOf({ code: "x" });
    draft.take("code");
    commit(draft);
    draft.set("code", "new");
    expect(draft.rebase(fieldsOf({ code: "theirs" }))).toEqual(["code"]);
    expect(written(draft.stage())).toEqual({ code: "new" });
  });
});

describe("what is staged while a write is on its way", () => {
  test("an assignment stays staged", () => {
    const { draft } = draftOf({ n: 1 });
    draft.set("n", 2);
    const staged = draft.stage();
    draft.set("n", 3);
    draft.settle(draft.merged(staged), staged);
    expect(written(draft.stage())).toEqual({ n: 3 });
  });

  test("an assignment back to what was there stays staged", () => {
    const { draft } = draftOf({ n: 1 });
    draft.set("n", 2);
    const staged = draft.stage();
    draft.set("n", 1);
    draft.settle(draft.merged(staged), staged);
    expect(written(draft.stage())).toEqual({ n: 1 });
  });

  test("an update stays staged, also when somebody asked meanwhile what is staged", () => {
    const { draft } = draftOf({ n: 1 });
    const add = (value: unknown): number => (value as number) + 1;
    draft.update("n", add);
    const staged = draft.stage();
    draft.update("n", add);
    draft.stage();
    draft.settle(draft.merged(staged), staged);
    expect(written(draft.stage())).toEqual({ n: 3 });
    expect(draft.stage().dependent).toBe(true);
    draft.rebase(fieldsOf({ n: 10 }));
    expect(written(draft.stage())).toEqual({ n: 11 });
  });

  test("an assignment stays staged, also when somebody asked meanwhile what is staged", () => {
    const { draft } = draftOf({ n: 1 });
    draft.set("n", 2);
    const staged = draft.stage();
    draft.set("n", 3);
    draft.stage();
    draft.settle(draft.merged(staged), staged);
    expect(written(draft.stage())).toEqual({ n: 3 });
  });

  test("a change in place stays staged", () => {
    const { draft } = draftOf({ list: [1] });
    const list = draft.get("list") as number[];
    list.push(2);
    const staged = draft.stage();
    list.push(3);
    draft.settle(draft.merged(staged), staged);
    expect(written(draft.stage())).toEqual({ list: [1, 2, 3] });
  });

  test("a take of what is being written stays staged", () => {
    const { draft } = draftOf({});
    draft.set("code", "x");
    const staged = draft.stage();
    expect(draft.take("code")).toBe("x");
    draft.settle(draft.merged(staged), staged);
    expect(written(draft.stage())).toEqual({ code: "(removed)" });
  });

  test("nothing is written twice", () => {
    const { draft } = draftOf({ n: 1, list: [1], code: "x" });
    draft.update("n", (value) => (value as number) + 1);
    (draft.get("list") as number[]).push(2);
    draft.take("code");
    draft.set("more", { a: 1 });
    commit(draft);
    expect(written(draft.stage())).toEqual({});
  });
});

describe("schemas", () => {
  const schemas = {
    cart: z.object({ items: z.array(z.number()) }).default({ items: [] }),
    views: z.number().default(0),
    name: z.string(),
    theme: v.optional(v.picklist(["dark", "light"]), "light"),
    tags: v.optional(v.object({ list: v.array(v.string()) }), { list: [] }),
  } satisfies FieldSchemas;

  test("a default is there, and reading it writes nothing and is no information", () => {
    const { draft, invalid } = draftOf({}, schemas);
    expect(draft.get("cart")).toEqual({ items: [] });
    expect(draft.get("views")).toBe(0);
    expect(draft.get("theme")).toBe("light");
    expect(draft.get("name")).toBeUndefined();
    expect(draft.keys().toSorted()).toEqual(["cart", "tags", "theme", "views"]);
    expect(written(draft.stage())).toEqual({});
    expect(draft.some(() => true)).toBe(false);
    expect(invalid).toEqual([]);
  });

  test("a default changed in place is written and is information", () => {
    const { draft } = draftOf({}, schemas);
    (draft.get("cart") as { items: number[] }).items.push(1);
    expect(draft.some(() => true)).toBe(true);
    expect(written(draft.stage())).toEqual({ cart: { items: [1] } });
  });

  test("a default changed in place is nobody else's default", () => {
    for (const name of ["cart", "tags"] as const) {
      const mine = draftOf({}, schemas).draft.get(name) as { items?: unknown[]; list?: unknown[] };
      (mine.items ?? mine.list)!.push("private");
      expect(JSON.stringify(draftOf({}, schemas).draft.get(name))).not.toContain("private");
    }
  });

  test("an old shape is migrated, writes nothing by itself, and is written whole with the first change", () => {
    const cart = z.union([
      z.object({ v: z.literal(2), ids: z.array(z.number()) }),
      z.array(z.number()).transform((ids) => ({ v: 2 as const, ids })),
    ]);
    const { draft, invalid } = draftOf({ cart: [1, 2] }, { cart });
    const value = draft.get("cart") as { ids: number[] };
    expect(value).toEqual({ v: 2, ids: [1, 2] });
    expect(written(draft.stage())).toEqual({});
    value.ids.push(3);
    expect(written(draft.stage())).toEqual({ cart: { v: 2, ids: [1, 2, 3] } });
    expect(invalid).toEqual([]);
  });

  test("an invalid stored value reads as absent, with one event, and is still information", () => {
    const { draft, invalid } = draftOf({ name: 5 }, schemas);
    expect(draft.get("name")).toBeUndefined();
    expect(draft.get("name")).toBeUndefined();
    expect(draft.has("name")).toBe(false);
    expect(invalid).toEqual(["name"]);
    expect(written(draft.stage())).toEqual({});
    expect(draft.some(() => true)).toBe(true);
  });

  test("an invalid stored value of a field with a default reads as the default, and writes nothing by itself", () => {
    const { draft, invalid } = draftOf({ views: "many", cart: 7 }, schemas);
    expect(draft.get("views")).toBe(0);
    expect(draft.get("cart")).toEqual({ items: [] });
    expect(invalid).toEqual(["views", "cart"]);
    expect(written(draft.stage())).toEqual({});
    draft.update("views", (value) => (value as number) + 1);
    expect(written(draft.stage())).toEqual({ views: 1 });
  });

  test("a stored text that the codec refuses reads as absent, with one event", () => {
    const rules = { codec: jsonCodec, schemas: { name: z.string() } };
    const invalid: string[] = [];
    const draft = new Draft(
      { name: "{", raw: "nope" },
      { ...rules, onInvalid: (field) => void invalid.push(field) },
    );
    expect(draft.get("name")).toBeUndefined();
    expect(draft.get("raw")).toBeUndefined();
    expect(invalid).toEqual(["name", "raw"]);
    expect(written(draft.stage())).toEqual({});
    draft.set("raw", undefined);
    expect(written(draft.stage())).toEqual({ raw: "(removed)" });
  });

  test("a schema that throws, or answers nonsense, says invalid", () => {
    for (const validate of [
      () => {
        throw new Error("no");
      },
      () => undefined as never,
      () => null as never,
    ]) {
      const schema = { "~standard": { version: 1 as const, vendor: "test", validate } };
      const { draft, invalid } = draftOf({ name: "x" }, { name: schema });
      expect(draft.get("name")).toBeUndefined();
      expect(invalid).toEqual(["name"]);
    }
  });

  test("a value that its schema would refuse at the next read is refused at commit, by an error that names the field", () => {
    const length = z.string().transform((text) => text.length);
    const { draft } = draftOf({ name: "abc" }, { ...schemas, name: length });
    expect(draft.get("name")).toBe(3);
    expect(written(draft.stage())).toEqual({});
    draft.set("name", 4);
    expect(() => draft.stage()).toThrow(/"name".*schema/);
    expect(code(() => draft.stage())).toBe("ERR_SESSION_VALUE");
  });

  test("a schema that turns asynchronous when it reads is an error that names the field, not an absent field", () => {
    const schema = z.object({ code: z.string() }).refine(async () => true);
    const { draft } = draftOf({ coupon: { code: "x" } }, { coupon: schema });
    expect(() => draft.get("coupon")).toThrow(/coupon.*synchronous/);
  });
});

describe("what is left for another session", () => {
  const spend = (value: unknown): unknown => {
    if (value !== undefined) return undefined;
    throw new SessionError("ERR_SESSION_CONFLICT", "used up elsewhere");
  };

  test("does not hold what was used up in the old one", () => {
    const { draft } = draftOf({ token: "t" });
    draft.update("token", spend);
    draft.set("mine", 1);
    expect(written(draft.renewed().stage())).toEqual({ mine: 1 });
  });

  test("does not hold what was made of the old one's values by changing them in place", () => {
    const { draft } = draftOf({ cart: { items: ["theirs"] } });
    (draft.get("cart") as { items: string[] }).items.push("more");
    draft.update("cart", (value) => value);
    expect(written(draft.renewed().stage())).toEqual({});
  });

  test("is refused when the old one is gone and something of it was taken or used up", () => {
    const taken = draftOf({ code: "x" }).draft;
    taken.take("code");
    expect(code(() => taken.detached())).toBe("ERR_SESSION_CONFLICT");
    const spent = draftOf({ token: "t" }).draft;
    spent.update("token", spend);
    expect(code(() => spent.detached())).toBe("ERR_SESSION_CONFLICT");
  });
});

test("a take while another field's write is on its way still fails when another request took it first", () => {
  const { draft } = draftOf({ code: "x" });
  draft.set("n", 1);
  const staged = draft.stage();
  draft.take("code");
  draft.settle(draft.merged(staged), staged);
  expect(code(() => draft.rebase(fieldsOf({ n: 1 })))).toBe("ERR_SESSION_CONFLICT");
});

test("what is left for a new session is what this request assigned, and its updates of nothing", () => {
  const { draft } = draftOf({ old: 1, list: [1], code: "x", n: 5 });
  draft.set("mine", { a: 1 });
  draft.set("old", undefined);
  (draft.get("list") as number[]).push(2);
  draft.take("code");
  draft.update("n", (value) => ((value as number | undefined) ?? 0) + 1);
  expect(written(draft.renewed().stage())).toEqual({ mine: { a: 1 }, n: 1 });
});
