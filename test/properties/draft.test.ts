import * as fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { jsonCodec } from "../../src/core/codec.ts";
import { Draft, type Staged } from "../../src/core/draft.ts";

type Fields = Record<string, string>;
type Step =
  | { readonly kind: "get" | "has" | "take" | "delete"; readonly name: string }
  | { readonly kind: "set"; readonly name: string; readonly value: unknown }
  | { readonly kind: "append" | "mutate"; readonly name: string; readonly item: number }
  | { readonly kind: "commit" | "stage" | "begin" | "end" };

const NAMES = ["a", "b", "c"] as const;
const name = fc.constantFrom(...NAMES);
const list = fc.array(fc.nat(9), { maxLength: 3 });
const value = fc.oneof(list, fc.nat(9), fc.constant(undefined));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("get" as const, "has" as const, "take" as const, "delete" as const),
    name,
  }),
  fc.record({ kind: fc.constant("set" as const), name, value }),
  fc.record({ kind: fc.constantFrom("append" as const, "mutate" as const), name, item: fc.nat(9) }),
  fc.record({ kind: fc.constantFrom("commit" as const, "stage" as const, "begin" as const, "end" as const) }),
);

/** Makes a list longer, whatever was there: as a handler's function for `update` would. */
function appended(before: unknown, item: number): unknown[] {
  return Array.isArray(before) ? [...(before as unknown[]), item] : [item];
}

function encoded(data: ReadonlyMap<string, unknown>): Fields {
  const present = [...data].filter(([, one]) => one !== undefined);
  return Object.fromEntries(present.map(([key, one]) => [key, jsonCodec.encode(one)]));
}

function decoded(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, text]) => [key, jsonCodec.decode(text)]));
}

function draftOf(fields: Fields): Draft {
  return new Draft(fields, { codec: jsonCodec, schemas: {}, onInvalid: () => undefined });
}

/** What a store would hold after this, if nobody else wrote. */
function applied(fields: Fields, staged: Staged): Fields {
  const result = { ...fields, ...staged.set };
  for (const key of staged.remove) delete result[key];
  return result;
}

test("alone, a request's session is a map of values: each commit writes just what differs, and what is done while one is on its way stays", () => {
  fc.assert(
    fc.property(
      fc.dictionary(name, fc.oneof(list, fc.nat(9))),
      fc.array(step, { maxLength: 30, size: "max" }),
      (start, steps) => {
        const model = new Map<string, unknown>(Object.entries(structuredClone(start)));
        let stored = encoded(model);
        const draft = draftOf(stored);
        let underWay: Staged | null = null;
        const arrive = (): void => {
          if (underWay === null) return;
          stored = applied(stored, underWay);
          draft.settle(stored, underWay);
          underWay = null;
        };
        for (const one of steps) {
          switch (one.kind) {
            case "get":
              expect(draft.get(one.name)).toEqual(model.get(one.name));
              break;
            case "has":
              expect(draft.has(one.name)).toBe(model.get(one.name) !== undefined);
              break;
            case "take":
              expect(draft.take(one.name)).toEqual(model.get(one.name));
              model.delete(one.name);
              break;
            case "delete":
              draft.set(one.name, undefined);
              model.delete(one.name);
              break;
            case "set":
              draft.set(one.name, structuredClone(one.value));
              model.set(one.name, structuredClone(one.value));
              break;
            case "append": {
              const next = appended(model.get(one.name), one.item);
              expect(draft.update(one.name, (before) => appended(before, one.item))).toEqual(next);
              model.set(one.name, next);
              break;
            }
            case "mutate": {
              const mine = draft.get(one.name);
              if (Array.isArray(mine)) mine.push(one.item);
              const theirs = model.get(one.name);
              if (Array.isArray(theirs)) model.set(one.name, [...(theirs as unknown[]), one.item]);
              break;
            }
            case "stage":
              draft.stage();
              break;
            case "begin":
              underWay ??= draft.stage();
              break;
            case "end":
              arrive();
              break;
            case "commit": {
              arrive();
              const staged = draft.stage();
              for (const [key, text] of Object.entries(staged.set)) expect(text).not.toBe(stored[key]);
              for (const key of staged.remove) expect(Object.hasOwn(stored, key)).toBe(true);
              stored = applied(stored, staged);
              draft.settle(stored, staged);
              const idle = draft.stage();
              expect([Object.keys(idle.set), idle.remove]).toEqual([[], []]);
              expect(stored).toEqual(encoded(model));
              break;
            }
          }
          expect(draft.keys().toSorted()).toEqual(Object.keys(encoded(model)).toSorted());
          expect(draft.some(() => true)).toBe(Object.keys(encoded(model)).length > 0);
        }
        arrive();
        expect(applied(stored, draft.stage())).toEqual(encoded(model));
      },
    ),
    { numRuns: 1500 },
  );
});

test("with others, every item that anybody appends by update is stored once, whatever was read and whenever commits overlap", () => {
  const other = fc.record({
    kind: fc.constantFrom("mine" as const, "theirs" as const, "get" as const),
    name,
  });
  const turn = fc.record({ name, kind: fc.constantFrom("begin" as const, "end" as const, "stage" as const) });
  fc.assert(
    fc.property(fc.array(fc.oneof(other, turn), { maxLength: 40, size: "max" }), (turns) => {
      let stored: Fields = {};
      let base = stored;
      const draft = draftOf(stored);
      const expected = new Map<string, number[]>();
      let sent: Staged | null = null;
      let item = 0;
      const begin = (): void => {
        expect(draft.rebase(base)).toEqual([]);
        sent = draft.stage();
      };
      /** The write arrives: with its condition met it is done, else it is laid over what is stored and sent again. */
      const end = (): void => {
        if (sent === null) return;
        if (sent.dependent && base !== stored) {
          base = stored;
          begin();
        }
        stored = applied(stored, sent);
        base = stored;
        draft.settle(stored, sent);
        sent = null;
      };
      for (const one of turns) {
        if (one.kind === "get") draft.get(one.name);
        else if (one.kind === "stage") draft.stage();
        else if (one.kind === "begin") {
          if (sent === null) begin();
        } else if (one.kind === "end") end();
        else {
          const added = (item += 1);
          expected.set(one.name, [...(expected.get(one.name) ?? []), added]);
          if (one.kind === "mine") draft.update(one.name, (before) => appended(before, added));
          else
            stored = { ...stored, [one.name]: jsonCodec.encode(appended(decoded(stored)[one.name], added)) };
        }
      }
      end();
      begin();
      end();
      for (const [key, items] of expected) {
        expect((decoded(stored)[key] as number[]).toSorted((left, right) => left - right)).toEqual(items);
      }
    }),
    { numRuns: 3000 },
  );
});

test("any change of a decoded value that changes it is written, and no other is", () => {
  const leaf = fc.oneof(
    fc.string(),
    fc.double(),
    fc.bigInt(),
    fc.date({ noInvalidDate: false }),
    fc.boolean(),
    fc.constant(null),
  );
  const tree = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { depthSize: "small" },
      leaf,
      fc.array(tie("node"), { maxLength: 4 }),
      fc.dictionary(fc.string({ maxLength: 3 }), tie("node"), { maxKeys: 4 }),
      fc
        .array(fc.tuple(fc.string({ maxLength: 2 }), tie("node")), { maxLength: 3 })
        .map((pairs) => new Map(pairs)),
      fc.array(leaf, { maxLength: 3 }).map((items) => new Set(items)),
    ),
  })).node;
  fc.assert(
    fc.property(
      fc.record({ root: tree }),
      leaf,
      fc.array(fc.nat(), { maxLength: 6 }),
      (start, fresh, path) => {
        const text = jsonCodec.encode(start);
        const draft = draftOf({ field: text });
        const live = draft.get("field");
        changeInside(live, fresh, path);
        const before = jsonCodec.decode(text);
        const staged = draft.stage();
        if (isDeepStrictEqual(live, before)) {
          // Equal by value; only the order of keys may differ, which is a change worth keeping.
          if (Object.hasOwn(staged.set, "field")) expect(staged.set["field"]?.length).toBe(text.length);
          return;
        }
        expect(isDeepStrictEqual(jsonCodec.decode(staged.set["field"] ?? ""), live)).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
});

/** Walks down along the path and changes what it comes to, in place. */
function changeInside(value: unknown, fresh: unknown, path: readonly number[]): void {
  const [at = 0, ...rest] = path;
  if (Array.isArray(value)) {
    const inner: unknown = value[at % Math.max(1, value.length)];
    if (rest.length > 0 && typeof inner === "object" && inner !== null)
      return changeInside(inner, fresh, rest);
    value[at % (value.length + 1)] = fresh;
  } else if (value instanceof Map) {
    const keys = [...(value as Map<unknown, unknown>).keys()];
    const inner: unknown = value.get(keys[at % Math.max(1, keys.length)]);
    if (rest.length > 0 && typeof inner === "object" && inner !== null)
      return changeInside(inner, fresh, rest);
    value.set("k", fresh);
  } else if (value instanceof Set) value.add(fresh);
  else if (value instanceof Date) value.setTime(at);
  else if (typeof value === "object" && value !== null) {
    const record = value as Record<string, unknown>;
    const keys = Object.keys(record);
    const key = keys[at % Math.max(1, keys.length)] ?? "new";
    const inner = record[key];
    if (rest.length > 0 && typeof inner === "object" && inner !== null)
      return changeInside(inner, fresh, rest);
    if (at % 3 === 0) delete record[key];
    else record[key] = fresh;
  }
}
