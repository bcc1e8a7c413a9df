import { runInNewContext } from "node:vm";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { SessionError } from "../../src/index.ts";

test("an error has a code, the HTTP status that fits it, and its cause", () => {
  const cause = new Error("engine");
  const error = new SessionError("ERR_SESSION_CONFLICT", "Another request was first.", { cause });
  expect(error).toMatchObject({ name: "SessionError", code: "ERR_SESSION_CONFLICT", status: 409, cause });
  expect(error).toBeInstanceOf(Error);
  expect(String(error)).toBe("SessionError: Another request was first.");
  expect(inspect(error)).toContain("ERR_SESSION_CONFLICT");
});

test("an error without a cause has none", () => {
  expect("cause" in new SessionError("ERR_SESSION_USE", "x")).toBe(false);
});

test.each([
  ["ERR_SESSION_CONFIG", 500],
  ["ERR_SESSION_USE", 500],
  ["ERR_SESSION_VALUE", 500],
  ["ERR_SESSION_LIMIT", 500],
  ["ERR_SESSION_CONFLICT", 409],
  ["ERR_SESSION_GONE", 409],
  ["ERR_SESSION_SENT", 500],
  ["ERR_SESSION_NOT_FRESH", 401],
  ["ERR_SESSION_REVOKED", 401],
  ["ERR_SESSION_UNKNOWN", 503],
  ["ERR_SESSION_STORE_UNAVAILABLE", 503],
  ["ERR_SESSION_CORRUPT", 500],
  ["ERR_SESSION_FORMAT", 503],
] as const)("the status of %s is %i", (code, status) => {
  const error = new SessionError(code, "x");
  expect([error.status, error.statusCode]).toEqual([status, status]);
});

test("an error is known by its brand, also one of another copy of the package, and nothing else is", () => {
  const other = runInNewContext(
    "Object.assign(new Error('x'), { [Symbol.for('holdfast.SessionError')]: true })",
  ) as object;
  expect(SessionError.is(new SessionError("ERR_SESSION_USE", "x"))).toBe(true);
  expect(SessionError.is(other)).toBe(true);
  for (const value of [null, undefined, "SessionError", 5, {}, new Error("x"), { code: "ERR_SESSION_USE" }])
    expect(SessionError.is(value)).toBe(false);
});
