import { bareHandlers } from "../handlers/bare.ts";
import type { Framework } from "../handlers/handlers.ts";
import type { Launch } from "../../compare/words.ts";
import type { Data } from "../handlers/holdfast.ts";
import { PEERS } from "./peers.ts";

const BARE: Readonly<Record<string, () => Promise<Framework<never>>>> = {
  node: async () => (await import("../frameworks/node.ts")).onNode() as Framework<never>,
  express: async () => (await import("../frameworks/express.ts")).onExpress() as Framework<never>,
  fastify: async () => (await import("../frameworks/fastify.ts")).onFastify() as Framework<never>,
  koa: async () => (await import("../frameworks/koa.ts")).onKoa() as Framework<never>,
  hono: async () => (await import("../frameworks/hono.ts")).onHono() as Framework<never>,
};

export interface Started {
  readonly port: number;
  /** Stores so many sessions more. */
  fill?(sessions: number): Promise<void>;
}

/** Starts what a launch says, and loads nothing else. Rejects for what is not there. */
export async function start(launch: Launch): Promise<Started> {
  const { framework, sessions, store, engines } = launch;
  if (sessions === "bare") {
    const plain = await known(BARE, framework)();
    return { port: await plain.serve(bareHandlers()) };
  }
  if (sessions === "by hand") {
    const plain = await known(BARE, framework)();
    const { BY_HAND } = await import("../stores/by-hand.ts");
    const { handHandlers } = await import("../handlers/hand.ts");
    return { port: await plain.serve(handHandlers(plain, await known(BY_HAND, store)(engines))) };
  }
  if (sessions === "holdfast") return await startHoldfast(launch);
  const { serve } = await known(PEERS, sessions)();
  return { port: await serve(store, engines) };
}

async function startHoldfast({ framework, store, engines }: Launch): Promise<Started> {
  const { SessionManager } = await import("holdfast");
  const { HOLDFAST } = await import("./holdfast.ts");
  const { HOLDFAST_STORES } = await import("../stores/holdfast.ts");
  const { fillStore, multiplyRows } = await import("./filling.ts");
  const opened = await known(HOLDFAST_STORES, store)(engines);
  // A session of a megabyte is one of the sizes that are measured.
  const manager = new SessionManager<Data>({ store: opened, maxRecordBytes: 2 ** 22 });
  const port = await known(HOLDFAST, framework)(manager);
  const fill = (count: number): Promise<void> =>
    store === "postgres" ? multiplyRows(opened, engines, count) : fillStore(opened, count);
  return { port, fill };
}

function known<T>(table: Readonly<Record<string, T>>, name: string): T {
  const found = table[name];
  if (found === undefined) throw new Error(`There is no ${name} among ${Object.keys(table).join(", ")}.`);
  return found;
}
