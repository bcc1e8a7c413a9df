import { inspect } from "node:util";
import { expect, test } from "vitest";
import { parseSessionId, Token } from "../../src/index.ts";
import { markId } from "../../src/core/token.ts";

test("a token is 24 characters of id and 32 of secret, never the same twice", () => {
  const tokens = Array.from({ length: 200 }, () => Token.mint());
  for (const token of tokens) {
    expect(token.reveal()).toMatch(/^[A-Za-z0-9_-]{56}$/);
    expect(token.id).toBe(token.reveal().slice(0, 24));
  }
  expect(new Set(tokens.map((token) => token.id)).size).toBe(200);
  expect(new Set(tokens.map((token) => token.secretHash())).size).toBe(200);
});

test("what was revealed parses to a token that opens the same", () => {
  const token = Token.mint();
  const parsed = Token.parse(token.reveal());
  expect(parsed?.id).toBe(token.id);
  expect(parsed?.matches(token.secretHash())).toBe(true);
});

test("whatever is not exactly a token parses to nothing", () => {
  const good = Token.mint().reveal();
  const wrong = [
    good.slice(1),
    `${good}A`,
    `${good}\n`,
    `\n${good}`,
    ` ${good}`,
    `${good}=`,
    good.replace(/.$/, "+"),
  ];
  const more = [
    "",
    "*del*",
    "../../etc/passwd",
    "\0".repeat(56),
    "ä".repeat(56),
    `${good.slice(0, 55)}%`,
    "A".repeat(1e6),
  ];
  for (const text of [...wrong, ...more]) expect(Token.parse(text)).toBeNull();
  for (const value of [undefined, null, 5, {}, [good]]) {
    const parsed = Token.parse(value as never);
    if (parsed !== null) expect(typeof parsed.reveal()).toBe("string");
  }
});

test("another secret of the same session opens nothing of the first", () => {
  const token = Token.mint();
  const next = token.withNewSecret();
  expect(next.id).toBe(token.id);
  expect(next.matches(token.secretHash())).toBe(false);
});

test("nothing opens a mark, whose hash is empty, and no stored nonsense opens or throws", () => {
  const token = Token.mint();
  for (const hash of ["", "x", token.secretHash().slice(1), `${token.secretHash()}=`, "ä".repeat(43), "\0"])
    expect(token.matches(hash)).toBe(false);
});

test("only the token that masked its successor finds it again", () => {
  const token = Token.mint();
  const next = token.withNewSecret();
  const mask = token.maskSuccessor(next);
  expect(token.unmaskSuccessor(mask).reveal()).toBe(next.reveal());
  expect(Token.mint().unmaskSuccessor(mask).matches(next.secretHash())).toBe(false);
  expect(next.reveal()).not.toContain(mask);
});

test("any stored mask unmasks to a token, which opens nothing unless it is right", () => {
  const token = Token.mint();
  for (const mask of ["", "x", "A".repeat(10_000), "ä\0", "===="]) {
    const found = token.unmaskSuccessor(mask);
    expect(Token.parse(found.reveal())?.id).toBe(token.id);
    expect(found.matches(token.secretHash())).toBe(false);
  }
});

test("a token prints as its id however it is printed", () => {
  const token = Token.mint();
  const secret = token.reveal().slice(24);
  expect(inspect(token)).toBe(`Token(${token.id})`);
  expect(JSON.stringify([token])).toBe(`["Token(${token.id})"]`);
  const forms = [
    String(token),
    JSON.stringify({ token }),
    inspect({ token }, { depth: 9, showHidden: true }),
    inspect(token, { customInspect: false, showHidden: true }),
    Object.values(token).join(),
    JSON.stringify(Object.assign({}, token)),
  ];
  for (const form of forms) {
    expect(form).toContain(token.id);
    expect(form).not.toContain(secret);
    expect(form).not.toContain(token.secretHash());
  }
});

test("a session id from outside is 24 characters, or nothing", () => {
  const { id } = Token.mint();
  expect(parseSessionId(id)).toBe(id);
  for (const value of ["", id.slice(1), `${id}A`, `${id}\n`, "../".repeat(8), undefined, null, 5, [id], {}])
    expect(parseSessionId(value as never)).toBeNull();
});

test("the id of a mark depends on its name alone, and is a session id", () => {
  expect(markId("a")).toBe(markId("a"));
  expect(markId("a")).not.toBe(markId("b"));
  expect(parseSessionId(markId("a"))).not.toBeNull();
});
