import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type PostgresStore, postgresStore } from "../../../src/stores/postgres.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import {
  addressOf,
  call,
  changeOf,
  clientOn,
  freshSchema,
  idOf,
  poolOn,
  recordOf,
  sqlOn,
  storeOn,
  useServer,
  waitersAre,
} from "./support.ts";

const server = useServer();

type Work = (store: PostgresStore) => Promise<unknown>;

/**
 * Between a socket's `error` and its `close` postgres.js 3.4 takes queries for the connection that it has lost. It sends none of
 * them, and once it has connected again it answers the first with nothing at all. A client that asks again as soon as
 * an answer is lost comes there when several connections are cut at once.
 *
 * Makes a call in that gap, and tells how it ended.
 */
async function inTheGap(work: Work): Promise<PromiseSettledResult<unknown>> {
  const proxy = await TcpProxy.start(server().port);
  onTestFinished(() => proxy.close());
  const schema = freshSchema();
  await (await storeOn(poolOn(server()), { schema })).create(recordOf("a", { labels: ["user:1"] }), call());
  const sockets: Socket[] = [];
  const socket = async (): Promise<Socket> => {
    const made = connect(proxy.port, proxy.host);
    await once(made, "connect");
    sockets.push(made);
    return made;
  };
  const store = postgresStore(sqlOn(server(), { max: 1, fetch_types: false, socket } as never), {
    schema,
    durability: "process",
  });
  await store.read(idOf("a"), call());
  const [first] = sockets;
  if (first === undefined) throw new Error("The client has connected.");
  const ended = new Promise<PromiseSettledResult<unknown>>((resolve) => {
    // After all other listeners, and before the socket closes.
    first.once("error", () =>
      process.nextTick(() => void Promise.allSettled([work(store)]).then(([outcome]) => resolve(outcome))),
    );
  });
  proxy.cut();
  return await ended;
}

const CALLS: readonly (readonly [string, Work, unknown])[] = [
  ["read", (store) => store.read(idOf("a"), call()), { id: idOf("a") }],
  ["update", (store) => store.update(idOf("a"), changeOf({ set: { b: "2" } }), call()), { kind: "done" }],
  ["delete", (store) => store.delete(idOf("a"), {}, call()), "done"],
  ["create", (store) => store.create(recordOf("b"), call()), true],
  ["list", (store) => store.listByLabel("user:1", { limit: 9 }, call()), { records: [{ id: idOf("a") }] }],
  ["revocation", (store) => store.deleteByLabel("user:1", [], call()), 1],
  ["sweep", (store) => store.sweep(recordOf("a").endsAt, 10, call()), { deleted: 1 }],
];

test.for(CALLS)(
  "%s: a call that comes while postgres.js has lost its connection and not closed it is carried out",
  async ([, work, value]) => {
    const outcome = await inTheGap(work);
    expect(outcome).toMatchObject({ status: "fulfilled", value });
  },
);

test.for(CALLS)(
  "%s: what a client answers without having asked the server is a failure",
  async ([, work]) => {
    const nothing = (): never => ({ raw: async () => [], simple: async () => [] }) as never;
    const sql = Object.assign(() => {}, { unsafe: nothing, listen: nothing, options: {} });
    await expect(work(postgresStore(sql as never))).rejects.toMatchObject({
      code: "ERR_SESSION_STORE_UNAVAILABLE",
    });
  },
);

test("who asks again as soon as postgres.js has lost an answer is not given another connection that is lost", async () => {
  const proxy = await TcpProxy.start(server().port);
  onTestFinished(() => proxy.close());
  const schema = freshSchema();
  await (await storeOn(poolOn(server()), { schema })).create(recordOf("a"), call());
  const sql = sqlOn({ ...addressOf(server()), port: proxy.port }, { max: 4, fetch_types: false });
  const store = postgresStore(sql, { schema, durability: "process" });
  const read = (): Promise<unknown> => store.read(idOf("a"), call());
  const [holder, admin] = [await clientOn(server()), await clientOn(server())];
  for (let round = 0; round < 5; round += 1) {
    await Promise.all([1, 2, 3, 4].map(read));
    await holder.query(`BEGIN; SELECT FROM ${schema}.holdfast_sessions FOR UPDATE`);
    const update = store.update(idOf("a"), changeOf({ set: { b: "2" } }), call());
    await waitersAre(admin, 1);
    proxy.cut();
    const again = await update.then(() => "the update was not lost", read);
    expect(again).toMatchObject({ id: idOf("a") });
    await holder.query("COMMIT");
  }
});
