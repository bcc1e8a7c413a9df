import { randomBytes } from "node:crypto";
import type { Values } from "../stores/by-hand.ts";
import { bareHandlers } from "./bare.ts";
import { type Framework, type Good, type Handlers, nameOf, partsOf } from "./handlers.ts";

/** What somebody would write who wants no library: one look-up by the key in the cookie, one `JSON.parse`. */
export function handHandlers<Context>(framework: Framework<Context>, values: Values): Handlers<Context> {
  return {
    ...bareHandlers(),
    async read(context) {
      const key = /\bhand=([\w-]+)/.exec(framework.cookies(context))?.[1] ?? "";
      const text = await values.get(key);
      return nameOf(text === null ? null : (JSON.parse(text) as Record<string, Good[]>)["part0"]);
    },
    async prepare(context, bytes, fields) {
      const key = randomBytes(24).toString("base64url");
      await values.set(key, JSON.stringify(partsOf(bytes, fields)));
      framework.setCookie(context, `hand=${key}; HttpOnly; SameSite=Lax`);
      return "prepared";
    },
  };
}
