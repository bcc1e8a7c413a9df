import { createContext, runInContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { jsonCodec } from "../../src/core/codec.ts";

const roundTrip = (value: unknown): unknown => jsonCodec.decode(jsonCodec.encode(value));

function nested(depth: number, innermost: unknown): unknown {
  let value = innermost;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? { in: value } : [value];
  return value;
}

describe("what comes back as it went in", () => {
  const values: Record<string, unknown> = {
    "a text": "héllo 🍰",
    "an empty text": "",
    "a text with NUL and half a surrogate pair": "\0\ud800\udfff x",
    "a text that looks like a tag": '~{"~":"Date","=":0}',
    numbers: [0, 1, -1, 0.1, 1e21, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53],
    "the odd numbers": [-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    "NaN in nested arrays": [[[Number.NaN], [1, [Number.NaN]]]],
    bigint: { small: 0n, large: -(2n ** 200n) },
    "undefined in places": { a: undefined, b: [undefined, 1, undefined] },
    dates: [new Date(0), new Date(8.64e15), new Date(Number.NaN)],
    "a date in a record": { when: new Date(1_700_000_000_000), more: { when: new Date(1) } },
    "a map in a map": new Map<unknown, unknown>([
      ["a", new Map([[{ k: 1 }, new Set([1, "1", -0])]])],
      [Number.NaN, undefined],
    ]),
    "an empty map and an empty set": { map: new Map(), set: new Set() },
    "a URL": new URL("https://user@example.com:8080/a%20b?q=ä#f"),
    "a record with the tag's own key": { "~": "Date", "=": 5 },
    "a record with the tag's own key beside a date": { "~": "Map", "=": [new Date(3)], more: { "~": 1n } },
    "keys that are numbers": { 2: "b", 1: "a", x: 0 },
    "an empty key": { "": { "": 1n } },
    "a record named like a method": { constructor: 1, toString: 2, hasOwnProperty: 3, toJSON: 4 },
    "an array of records": [{ a: 1 }, {}, [], null, true, false],
  };
  for (const [name, value] of Object.entries(values)) {
    test(name, () => expect(roundTrip(value)).toStrictEqual(value));
  }

  test("an own key __proto__ stays a key and changes no prototype", () => {
    for (const extra of ["", ',"when":1']) {
      const value = JSON.parse(`{"__proto__":{"admin":true}${extra}}`) as Record<string, unknown>;
      if (extra !== "") value["when"] = new Date(5);
      const back = roundTrip(value) as Record<string, unknown>;
      expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
      expect(Object.keys(back)).toContain("__proto__");
      expect(back["admin"]).toBeUndefined();
    }
  });

  test("a record without a prototype comes back without one, whatever its keys", () => {
    const value: Record<string, unknown> = Object.create(null);
    value["__proto__"] = 1;
    value["~"] = "Date";
    const back = roundTrip({ value }) as { value: Record<string, unknown> };
    expect(Object.getPrototypeOf(back.value)).toBeNull();
    expect(Object.entries(back.value)).toEqual([
      ["__proto__", 1],
      ["~", "Date"],
    ]);
  });

  test("a frozen record comes back equal", () => {
    const value = Object.freeze({ list: Object.freeze([1, Object.freeze({ a: new Date(7) })]) });
    expect(roundTrip(value)).toEqual(value);
  });

  test("a record that is in two places comes back in both", () => {
    const shared = { n: 1 };
    expect(roundTrip({ a: shared, b: [shared, shared] })).toEqual({ a: { n: 1 }, b: [{ n: 1 }, { n: 1 }] });
  });

  test("an array of 200 000 items, plain or not", () => {
    const plain = Array.from({ length: 200_000 }, (_, index) => index);
    expect(roundTrip(plain)).toEqual(plain);
    const dated = [...plain, new Date(0)];
    expect((roundTrip(dated) as unknown[]).at(-1)).toEqual(new Date(0));
  });

  test("500 levels, plain or not", () => {
    expect(roundTrip(nested(500, 1))).toEqual(nested(500, 1));
    expect(roundTrip(nested(500, 1n))).toEqual(nested(500, 1n));
  });

  test("JSON holds what JSON can hold, with nothing added", () => {
    expect(jsonCodec.encode({ a: [1, "x", null, true] })).toBe('{"a":[1,"x",null,true]}');
  });
});

describe("what is refused, with its place", () => {
  const withSymbolOnArray = Object.assign([1, 2], { [Symbol("s")]: 1 });
  const withHole: unknown[] = [];
  withHole[2] = "last";
  const holeAndKey: unknown[] & { extra?: number } = [];
  holeAndKey[1] = "last";
  holeAndKey.extra = 1;
  const hidden = Object.defineProperty({ a: 1 }, "secret", { value: 2, enumerable: false });
  const hiddenToJson = Object.defineProperty({ a: 1 }, "toJSON", { value: () => "changed" });
  const getter = {
    net: 1,
    get gross() {
      return this.net * 1.19;
    },
  };
  class Money {
    amount = 1;
  }
  class Empty {
    sum(): number {
      return 0;
    }
  }
  const cycle: Record<string, unknown> = {};
  cycle["self"] = [cycle];
  const mapCycle = new Map<unknown, unknown>();
  mapCycle.set("me", mapCycle);

  const refused: Record<string, readonly [value: unknown, message: RegExp]> = {
    "a function": [{ list: [1, () => 1] }, /\.list\[1\].*function/],
    "a symbol": [{ a: Symbol("s") }, /\.a.*symbol/],
    "a symbol key on a record": [{ a: { [Symbol("s")]: 1 } }, /\.a.*symbol/],
    "a symbol key on an array": [{ a: withSymbolOnArray }, /\.a.*(symbol|extra keys)/],
    "an array with holes": [{ a: withHole }, /\.a.*holes/],
    "an array with a hole and an extra key": [{ a: holeAndKey }, /\.a.*holes/],
    "an array with an extra key": [{ a: Object.assign([1], { x: 1 }) }, /\.a.*extra keys/],
    "a record with a key that is not enumerable": [{ a: hidden }, /\.a.*enumerable/],
    "a record with a hidden toJSON": [{ a: hiddenToJson }, /\.a.*(enumerable|function)/],
    "a getter, which would come back as a fixed value": [{ a: [getter] }, /\.a\[0\].*getter/],
    "a toJSON of its own": [{ a: { toJSON: () => 5 } }, /\.a\.toJSON.*function/],
    "an object of a class": [{ a: new Money() }, /\.a.*class/],
    "an object of a class without keys": [{ a: new Empty() }, /\.a.*class/],
    "a subclass of Date": [{ a: new (class extends Date {})() }, /\.a.*class/],
    "a subclass of Array": [{ a: new (class extends Array {})() }, /\.a.*class/],
    "a date with a key": [{ a: Object.assign(new Date(0), { zone: "CET" }) }, /\.a.*keys of its own/],
    "an object that only inherits from Date": [{ a: Object.create(Date.prototype) }, /not a Date/],
    "an object that only inherits from Map": [{ a: Object.create(Map.prototype) }, /incompatible/],
    "a boxed number": [{ a: Object(5) }, /\.a.*class/],
    "an error": [{ a: new Error("x") }, /\.a.*class/],
    "a regular expression": [{ a: /x/ }, /\.a.*class/],
    bytes: [{ a: new Uint8Array([1]) }, /\.a.*class/],
    "a promise": [{ a: Promise.resolve(1) }, /\.a.*class/],
    "a weak map": [{ a: new WeakMap() }, /\.a.*class/],
    "what another realm made": [{ a: runInContext("[1]", createContext({})) }, /\.a/],
    "a cycle": [
      { deep: cycle },
      /\.deep\.self\[0\]\.self.*contains itself|\.deep\.self\[0\].*contains itself/,
    ],
    "a cycle of a map": [{ m: mapCycle }, /\.m.*contains itself/],
    "an unstorable key of a map": [{ m: new Map([[() => 1, 1]]) }, /\.m\(entry\)\[0\].*function/],
    "an unstorable member of a set": [{ s: new Set([[Symbol("x")]]) }, /\.s\(member\)\[0\].*symbol/],
    "10 000 levels": [nested(10_000, 1), /deeper than 500/],
    "10 000 levels that are not plain": [nested(10_000, 1n), /deeper than 500/],
    "100 000 levels": [nested(100_000, {}), /deeper than 500/],
  };
  for (const [name, [value, message]] of Object.entries(refused)) {
    test(name, () => expect(() => jsonCodec.encode(value)).toThrow(message));
  }
});

test("no text makes reading do worse than throw", () => {
  const texts = ["", "~", "~null", "{", '~{"~":"Nope"}', '~{"~":"Map","=":5}', '~{"~":"bigint","=":"x"}'];
  const more = [
    '~{"~":"URL","=":"no url"}',
    '~{"~":"Object","=":7}',
    `~${"[".repeat(100_000)}${"]".repeat(100_000)}`,
  ];
  for (const text of [...texts, ...more]) {
    try {
      jsonCodec.decode(text);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
  }
});

test("no text reaches a prototype", () => {
  jsonCodec.decode(
    '~{"__proto__":{"polluted":{"~":"undefined"}},"a":{"~":"null-prototype","=":{"__proto__":{"polluted":1}}}}',
  );
  jsonCodec.decode('~{"~":"Object","=":[["__proto__",{"polluted":1}]]}');
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});
