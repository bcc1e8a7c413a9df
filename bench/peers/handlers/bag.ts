import { type Good, type Handlers, nameOf, nextUser, nextValue, partsOf, turn } from "./handlers.ts";

/** A session that is a bag of properties. */
export interface Bag {
  part0?: Good[];
  seen?: number;
  count?: number;
  user?: string;
}

interface Bags<Context> {
  bagOf(context: Context): Bag;
  /** Gives the session a new id, as the library's page has it for a login; resolves the session to go on with. */
  renew(context: Context): Promise<Bag>;
}

/** Libraries that have the session at hand when the handler runs, and save by themselves what it changed. */
export function bagHandlers<Context>({ bagOf, renew }: Bags<Context>): Handlers<Context> {
  return {
    anonymous: (context) => bagOf(context).user ?? "hello",
    read: (context) => nameOf(bagOf(context).part0),
    write(context) {
      const value = nextValue();
      bagOf(context).seen = value;
      return String(value);
    },
    async login(context) {
      const user = nextUser();
      const bag = await renew(context);
      bag.user = user;
      return user;
    },
    async count(context) {
      const bag = bagOf(context);
      await turn();
      bag.count = (bag.count ?? 0) + 1;
      return String(bag.count);
    },
    total: (context) => String(bagOf(context).count ?? 0),
    prepare(context, bytes, fields) {
      Object.assign(bagOf(context), partsOf(bytes, fields), { seen: 0 });
      return "prepared";
    },
  };
}
