import { describe, expect, test } from "vitest";
import { checkFieldName, checkSize, encodeField, isFarBelow } from "../../src/core/fields.ts";
import { type Codec, SessionError } from "../../src/index.ts";

const codecOf = (encode: (value: unknown) => unknown): Codec => ({
  encode: encode as Codec["encode"],
  decode: JSON.parse,
});

test("a field may have any name of text that is not the library's", () => {
  for (const name of ["a", "a b", "ä.b/c[0]", "🍰", "constructor", "toString", "x".repeat(128), "a~b"])
    expect(() => checkFieldName(name)).not.toThrow();
});

test("a refused name is shown cut short, and never breaks the message", () => {
  for (const name of [
    "~a",
    "",
    "__proto__",
    "\u0007",
    "\udc00",
    "y".repeat(5000),
    5,
    null,
    Symbol("x"),
    Object.create(null),
  ]) {
    let caught: unknown;
    try {
      checkFieldName(name as string);
    } catch (error) {
      caught = error;
    }
    expect(SessionError.is(caught) && caught.code).toBe("ERR_SESSION_USE");
    expect(String(caught).length).toBeLessThan(200);
    expect(String(caught)).not.toMatch(/[\u0000-\u001f]/);
  }
});

describe("a codec of the application's own", () => {
  test("that throws anything is an error of the field", () => {
    for (const thrown of [new Error("why"), "text", undefined, null]) {
      const codec = codecOf(() => {
        throw thrown;
      });
      expect(() => encodeField(codec, "cart", 1)).toThrow(
        expect.objectContaining({ code: "ERR_SESSION_VALUE" }),
      );
      expect(() => encodeField(codec, "cart", 1)).toThrow(/"cart"/);
    }
  });

  test("that gives no text, or one that stores disagree about, is an error of the field", () => {
    for (const text of [undefined, null, 5, {}, Promise.resolve("x"), "\0", "a\ud800", "\udc00b"]) {
      expect(() =>
        encodeField(
          codecOf(() => text),
          "cart",
          1,
        ),
      ).toThrow(/"cart" is not well-formed text/);
    }
  });
});

describe("the size of a record", () => {
  test("is looked at byte by byte only where the lengths of its texts leave a doubt", () => {
    expect(isFarBelow(9, { a: "bc" })).toBe(true);
    expect(isFarBelow(8, { a: "bc" })).toBe(false);
    expect(isFarBelow(9, { a: "b" }, { c: "d" })).toBe(false);
    // Nothing takes more bytes than it was held to: three for a unit, four for the two of a pair.
    for (const text of ["€", "\u{1f642}", "ä", "b"])
      expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(text.length * 3);
  });

  test("counts names and texts in bytes", () => {
    const fields = { ä: "€", b: "12" };
    expect(() => checkSize(fields, 2 + 3 + 1 + 2)).not.toThrow();
    expect(() => checkSize(fields, 2 + 3 + 1 + 2 - 1)).toThrow(
      expect.objectContaining({
        code: "ERR_SESSION_LIMIT",
        message: expect.stringMatching(/8 bytes.*7.*"ä" with 5/) as string,
      }),
    );
  });
});
