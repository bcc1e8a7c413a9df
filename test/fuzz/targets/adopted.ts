import assert from "node:assert/strict";
import { fromCookieSession } from "../../../src/adopt/cookie-session.ts";
import { fromExpressSession } from "../../../src/adopt/express-session.ts";
import { fromFastifySession } from "../../../src/adopt/fastify-session.ts";
import { fromIronSession } from "../../../src/adopt/iron-session.ts";
import { fromKoaSession } from "../../../src/adopt/koa-session.ts";
import { cookieValues } from "../../../src/index.ts";
import type { Target } from "./target.ts";

const SECRET = "nobody signs anything with this secret";
const store = {
  get: () => assert.fail("a store was asked for what is not signed"),
  destroy: () => assert.fail("a store was asked for what is not signed"),
};

const SOURCES = [
  fromExpressSession({ store, secret: SECRET, name: "c" }),
  fromFastifySession({ store, secret: SECRET, cookieName: "c" }),
  fromKoaSession({ keys: [SECRET], key: "c" }),
  fromCookieSession({ keys: [SECRET], name: "c" }),
];
const IRON = fromIronSession({ cookieName: "c", unseal: async () => ({}) });

/** What takes the cookies of other libraries. */
export const ADOPTED_TARGETS: Readonly<Record<string, Target>> = {
  "old-cookie"(text) {
    const lines = text.split("\n");
    const cookies = (name: string): readonly string[] => cookieValues(lines, name);
    for (const source of SOURCES) assert.equal(source.look(cookies), null);
    const seal = IRON.look(cookies);
    assert.ok(seal === null || seal.proof.startsWith("Fe26.2*"));
  },
};
