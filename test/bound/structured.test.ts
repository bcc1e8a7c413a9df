import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { challengeHeader, registrationHeader, skippedReasons, textOf } from "../../src/bound/headers.ts";
import {
  MAX_FIELD_LENGTH,
  parseItem,
  parseList,
  parseText,
  writeString,
} from "../../src/bound/structured.ts";

describe("a structured item (RFC 9651)", () => {
  test.each([
    ['"a text"', { kind: "string", value: "a text" }],
    [String.raw`"a \"text\" \\"`, { kind: "string", value: 'a "text" \\' }],
    ['""', { kind: "string", value: "" }],
    ["token", { kind: "token", value: "token" }],
    ["*t:o/k.e-n", { kind: "token", value: "*t:o/k.e-n" }],
    ["42", { kind: "number", value: 42 }],
    ["-1.5", { kind: "number", value: -1.5 }],
    ["?1", { kind: "boolean", value: true }],
    ["?0", { kind: "boolean", value: false }],
    [":aGk=:", { kind: "other" }],
    ["@1659578233", { kind: "other" }],
    ['%"f%c3%bc"', { kind: "other" }],
    ["  token  ", { kind: "token", value: "token" }],
  ])("is read: %s", (text, bare) => {
    expect(parseItem(text)?.bare).toEqual(bare);
  });

  test("has parameters, the last of a name counts, and one without a value is true", () => {
    const item = parseItem('"x";id="a";  b;n=1;id=c');
    expect([...(item?.parameters ?? [])]).toEqual([
      ["id", { kind: "token", value: "c" }],
      ["b", { kind: "boolean", value: true }],
      ["n", { kind: "number", value: 1 }],
    ]);
    expect(parseItem("a ;b")).toBe(null);
  });

  test.each([
    "",
    '"open',
    String.raw`"\n"`,
    '"ü"',
    '"a" "b"',
    "a,b",
    "(a)",
    "-",
    "1.",
    "1.2345",
    "1234567890123456",
    "?2",
    "a;B=1",
    "a;=1",
    "a;b=",
    "\ta",
    "a\n",
    "a".repeat(MAX_FIELD_LENGTH + 1),
  ])("is nothing where it is not in the grammar: %j", (text) => {
    expect(parseItem(text)).toBe(null);
  });
});

describe("a structured list", () => {
  test("is items between commas, with blanks around those", () => {
    expect(parseList('a, "b" \t,\t c;x=1')?.map(({ bare }) => ("value" in bare ? bare.value : null))).toEqual(
      ["a", "b", "c"],
    );
    expect(parseList("")).toEqual([]);
  });

  test.each(["a,", ",a", "a,,b", "(a b)", "a b", "a;", "a, \n b"])("is nothing else: %j", (text) => {
    expect(parseList(text)).toBe(null);
  });
});

test("parsers take any text and never throw", () => {
  const parts = fc.constantFrom(
    '"',
    "\\",
    ";",
    "=",
    ",",
    "(",
    ")",
    " ",
    "\t",
    "?",
    "1",
    ".",
    "a",
    "*",
    ":",
    "@",
    "%",
    "ü",
  );
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(parts).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(texts, (text) => {
      parseItem(text);
      parseList(text);
      parseText(text);
      skippedReasons(() => text);
    }),
  );
});

test("what is written as a string is read as the same", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii" }), (text) => {
      expect(parseItem(writeString(text))?.bare).toEqual({ kind: "string", value: text });
    }),
  );
});

describe("a header with one text", () => {
  test.each([
    ['"abc.def"', "abc.def"],
    ["abc.def", "abc.def"],
    ["-0_.x", "-0_.x"],
    [' "abc" ', "abc"],
    ['"abc";x=1', "abc"],
    ["a/b", "a/b"],
  ])("comes quoted or bare: %s", (value, text) => {
    expect(parseText(value)).toBe(text);
  });

  test.each([undefined, "", '"', '"a', 'a"', "a b", "a, b", '"a", "b"', "1;2", "x".repeat(9000)])(
    "is none otherwise: %j",
    (value) => {
      expect(parseText(value)).toBe(null);
    },
  );

  test("is looked for under today's name before the first trial's", () => {
    const names = ["new", "old"];
    expect(textOf((name) => ({ new: '"a"', old: '"b"' })[name], names)).toEqual({ kind: "text", text: "a" });
    expect(textOf((name) => ({ old: "b" })[name], names)).toEqual({ kind: "text", text: "b" });
    expect(textOf(() => undefined, names)).toEqual({ kind: "none" });
    expect(textOf(() => "  ", names)).toEqual({ kind: "none" });
    expect(textOf(() => "a b", names)).toEqual({ kind: "bad" });
  });
});

test("the reasons for a skipped refresh are those that are known", () => {
  const header = 'unreachable;session_identifier="a", server_error, "quota_exceeded", made_up, unreachable';
  expect(skippedReasons((name) => (name === "secure-session-skipped" ? header : undefined))).toEqual([
    "unreachable",
    "server_error",
  ]);
  expect(skippedReasons(() => "a b")).toEqual([]);
  expect(skippedReasons(() => undefined)).toEqual([]);
});

test("the headers that go out are what the draft shows", () => {
  const offer = {
    algorithms: ["ES256", "RS256"] as const,
    path: "/dbsc/register",
    challenge: "c",
    provider: null,
  };
  expect(registrationHeader({ ...offer, authorization: "a" })).toBe(
    '(ES256 RS256);path="/dbsc/register";challenge="c";authorization="a"',
  );
  expect(registrationHeader({ ...offer, authorization: null })).toBe(
    '(ES256 RS256);path="/dbsc/register";challenge="c"',
  );
  expect(challengeHeader("c", "id")).toBe('"c";id="id"');
});
