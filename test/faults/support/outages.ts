import type { Random } from "../../../src/testing/index.ts";
import type { TcpProxy } from "../../support/tcp-proxy.ts";
import type { Deployed } from "./deployments.ts";
import type { Load } from "./load.ts";

/** What goes wrong under load, until it is over. */
export type Outage = (where: Deployed, load: Load, random: Random) => Promise<void>;

/** So many refusals show that an outage was felt by more than one request at a time. */
const FELT = 10;

/** By the names of the fields that they write, which no request that only reads sends. */
const WRITES: readonly ((request: string) => boolean)[] = [
  (request) => request.includes("count"),
  (request) => request.includes("list"),
  (request) => request.includes("field"),
];

/** The server dies, and is not there for a while. */
async function killed({ server, proxy }: Deployed, load: Load): Promise<void> {
  await server.kill();
  proxy.refuse();
  await load.refuses(FELT);
  await server.start();
  await proxy.heal();
}

/** The server dies and is there again as soon as it can be. */
async function restarted({ server }: Deployed, load: Load): Promise<void> {
  await server.restart();
  await load.answers(FELT);
}

/** The server stands still for longer than the deadline, and then goes on with what was sent to it meanwhile. */
async function paused({ server }: Deployed, load: Load): Promise<void> {
  server.pause();
  await load.refuses(FELT);
  server.resume();
}

/** All connections are cut, again and again. */
async function cut({ proxy }: Deployed, load: Load): Promise<void> {
  for (let time = 0; time < 8; time += 1) {
    proxy.cut();
    await load.answers(FELT);
  }
}

/** Each connection is cut in the middle of an answer, at its first or somewhat later. */
async function cutInReplies({ proxy }: Deployed, load: Load, random: Random): Promise<void> {
  proxy.cutReplies(() => 1 + random.below(3000));
  await load.answers(80);
  proxy.cutReplies(() => 1 + random.below(100));
  await load.refuses(FELT);
  await proxy.heal();
}

/** The answers to some writes are lost after these were carried out, with their connections. */
async function repliesLost({ proxy }: Deployed, load: Load): Promise<void> {
  for (const matches of WRITES)
    for (let time = 0; time < 4; time += 1) await lose(proxy, load, matches, "cut");
}

/** The same, and the connections stay, and stay silent, until the system finds out in the end. */
async function repliesSwallowed({ proxy }: Deployed, load: Load): Promise<void> {
  for (const matches of WRITES) await proxy.loseReply(matches, "hang");
  await load.answers(FELT);
  proxy.cut();
}

/** The network is down for longer than the deadline, and sends again what was sent to it meanwhile. */
async function requestsHeld({ proxy }: Deployed, load: Load): Promise<void> {
  proxy.hold("requests");
  await load.refuses(FELT);
  await proxy.heal();
}

async function repliesHeld({ proxy }: Deployed, load: Load): Promise<void> {
  proxy.hold("replies");
  await load.refuses(FELT);
  await proxy.heal();
}

/** Everything is carried out, and every answer comes after the deadline. */
async function slow({ proxy }: Deployed, load: Load): Promise<void> {
  proxy.delay(300);
  await load.refuses(FELT);
  await proxy.heal();
}

/** The network forgets the connections: who sends by them never hears again. */
async function forgotten({ proxy }: Deployed, load: Load): Promise<void> {
  proxy.swallow("requests");
  proxy.swallow("replies");
  await load.refuses(FELT);
  await proxy.heal();
}

async function lose(
  proxy: TcpProxy,
  load: Load,
  matches: (request: string) => boolean,
  instead: "cut" | "hang",
): Promise<void> {
  await proxy.loseReply(matches, instead);
  await load.answers(5);
}

/** What every deployment has to survive. */
export const EVERYWHERE: Readonly<Record<string, Outage>> = {
  "the server is killed and stays away": killed,
  "the server is killed and starts again": restarted,
  "the server stands still": paused,
  "connections are cut": cut,
  "connections are cut in the middle of replies": cutInReplies,
  "replies to writes are lost": repliesLost,
  "replies to writes are swallowed": repliesSwallowed,
  "requests are held up": requestsHeld,
  "replies are held up": repliesHeld,
  "everything takes too long": slow,
};

/** For clients that find out by themselves that a connection is dead. */
export const FORGOTTEN: Readonly<Record<string, Outage>> = { "the network forgets connections": forgotten };
