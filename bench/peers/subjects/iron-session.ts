import type { IncomingMessage, ServerResponse } from "node:http";
import { getIronSession } from "iron-session";
import { onNode } from "../frameworks/node.ts";
import type { Bag } from "../handlers/bag.ts";
import { type Handlers, nameOf, nextUser, nextValue, partsOf, turn } from "../handlers/handlers.ts";
import { SECRET } from "./secret.ts";

/** iron-session, which belongs to no framework: the session is sealed in the cookie. */
export function serve(): Promise<number> {
  return onNode().serve(HANDLERS);
}

interface Context {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

const ironSession = ({ request, response }: Context) =>
  getIronSession<Bag>(request, response, {
    cookieName: "sid",
    password: SECRET,
    cookieOptions: { secure: false },
  });

/** The session is in the cookie alone; it is unsealed where it is asked for, and saved where one says so. */
const HANDLERS: Handlers<Context> = {
  anonymous: async (context) => (await ironSession(context)).user ?? "hello",
  read: async (context) => nameOf((await ironSession(context)).part0),
  async write(context) {
    const value = nextValue();
    const bag = await ironSession(context);
    bag.seen = value;
    await bag.save();
    return String(value);
  },
  async login(context) {
    const user = nextUser();
    const bag = await ironSession(context);
    bag.user = user;
    await bag.save();
    return user;
  },
  async count(context) {
    const bag = await ironSession(context);
    await turn();
    bag.count = (bag.count ?? 0) + 1;
    await bag.save();
    return String(bag.count);
  },
  total: async (context) => String((await ironSession(context)).count ?? 0),
  async prepare(context, bytes, fields) {
    const bag = await ironSession(context);
    Object.assign(bag, partsOf(bytes, fields));
    await bag.save();
    return "prepared";
  },
};
