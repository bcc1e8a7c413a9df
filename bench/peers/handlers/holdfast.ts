import type { Session } from "holdfast";
import { type Good, type Handlers, nameOf, nextUser, nextValue, partsOf, turn } from "./handlers.ts";

export interface Data extends Record<string, unknown> {
  part0: Good[];
  seen: number;
  count: number;
}

export function holdfastHandlers<Context>(sessionOf: (context: Context) => Session<Data>): Handlers<Context> {
  return {
    anonymous: (context) => sessionOf(context).user ?? "hello",
    read: (context) => nameOf(sessionOf(context).data.part0),
    write(context) {
      const value = nextValue();
      sessionOf(context).data.seen = value;
      return String(value);
    },
    login(context) {
      const user = nextUser();
      sessionOf(context).login(user);
      return user;
    },
    async count(context) {
      await turn();
      return String(sessionOf(context).increment("count"));
    },
    total: (context) => String(sessionOf(context).data.count ?? 0),
    prepare(context, bytes, fields) {
      Object.assign(sessionOf(context).data, partsOf(bytes, fields), { seen: 0 });
      return "prepared";
    },
  };
}
