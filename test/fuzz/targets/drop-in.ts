import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readCookie, writeCookie } from "../../../src/express-session/cookie-header.ts";
import { pathOf, presentedId } from "../../../src/express-session/request.ts";
import { sign } from "../../../src/express-session/signature.ts";
import { firstLine, parsed, type Target } from "./target.ts";

/** As the middleware in whose place ours is read and wrote its cookie. */
const original = createRequire(createRequire(import.meta.url).resolve("express-session"))("cookie") as {
  parse(header: string): Record<string, string | undefined>;
  serialize(name: string, value: string, attributes: object): string;
};

const SECRETS = ["new", "old"];

export const DROP_IN_TARGETS: Readonly<Record<string, Target>> = {
  /** A `Cookie` header; what it opens is signed, and it is read as it was. */
  dropInCookie(header) {
    if (header !== "" && !header.includes("__proto__"))
      assert.equal(readCookie(header, "connect.sid"), original.parse(header)["connect.sid"]);
    const id = presentedId({ headers: { cookie: header } }, "connect.sid", SECRETS);
    if (id === undefined) return;
    const value = readCookie(header, "connect.sid");
    assert.ok(SECRETS.some((secret) => value === sign(id, secret)));
  },

  /** The name of a cookie, its value, and its attributes as JSON: the same line, or refused alike. */
  dropInSetCookie(text) {
    const [name, rest] = firstLine(text);
    const [value, json] = firstLine(rest);
    const given = (parsed(json) ?? {}) as Record<string, unknown>;
    const { encode: _encode, maxAge: _maxAge, ...attributes } = given;
    if (typeof attributes["expires"] === "number") attributes["expires"] = new Date(attributes["expires"]);
    assert.equal(
      lineOf(() => writeCookie(name, value, attributes)),
      lineOf(() => original.serialize(name, value, attributes)),
    );
  },

  /** The target of a request. */
  dropInPath(url) {
    assert.equal(typeof pathOf({ headers: {}, url }), "string");
  },
};

function lineOf(write: () => string): string {
  try {
    return write();
  } catch (error) {
    return String(error);
  }
}
