import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { jsonCodec } from "../../src/core/codec.ts";
import { encodeField } from "../../src/core/fields.ts";
import { SessionError } from "../../src/index.ts";

/** Whatever a handler may put into a field, things that cannot be stored among them. */
const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  withUnicodeString: true,
  maxDepth: 5,
});

/** Keys that mean something to JavaScript or to the codec. */
const awkwardKey = fc.constantFrom("~", "=", "__proto__", "toJSON", "constructor", "length", "", "0", "then");
const awkward = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<unknown>(-0, Number.NaN, undefined, null, "~", "\0", "\ud800", 1n),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(awkwardKey, tie("value"), { maxKeys: 3 }),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 2 }).map((pairs) => new Map(pairs)),
    fc.date({ noInvalidDate: false }),
  ),
})).value;

test("a value either comes back as it went in, or is refused by an error that names the field", () => {
  fc.assert(
    fc.property(fc.oneof(anything, awkward), (value) => {
      let text: string;
      try {
        text = encodeField(jsonCodec, "field", value);
      } catch (error) {
        expect(SessionError.is(error) && error.code).toBe("ERR_SESSION_VALUE");
        expect(String(error)).toContain('"field"');
        return;
      }
      // Vitest compares `constructor`, which a value may hold as a key.
      expect(isDeepStrictEqual(jsonCodec.decode(text), value)).toBe(true);
      expect(text.includes("\0")).toBe(false);
      expect(jsonCodec.encode(jsonCodec.decode(text))).toBe(text);
    }),
    { numRuns: 3000 },
  );
});

test("whatever JSON can hold is stored as JSON, and is never refused", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      // -0 is no JSON: it would come back as 0.
      fc.pre(
        !JSON.stringify(value, (_, item) => (Object.is(item, -0) ? "minus nothing" : item)).includes(
          "minus nothing",
        ),
      );
      expect(jsonCodec.encode(value)).toBe(JSON.stringify(value));
    }),
    { numRuns: 1000 },
  );
});

test("no text makes reading do worse than throw an error", () => {
  const tagged = fc.json().map((text) => `~${text}`);
  const nearlyTagged = fc
    .record({
      "~": fc.constantFrom("Date", "Map", "Set", "URL", "bigint", "number", "Object", "x"),
      "=": fc.jsonValue(),
    })
    .map((value) => `~${JSON.stringify(value)}`);
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), tagged, nearlyTagged), (text) => {
      try {
        jsonCodec.decode(text);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
    { numRuns: 2000 },
  );
});
