import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "./servers/server-process.ts";
import { TcpProxy } from "./tcp-proxy.ts";

/** A server that writes down each line that it gets, and answers it with "did: " before it. */
const done: string[] = [];
let server: Server;
let proxy: TcpProxy;
const sockets: Socket[] = [];

beforeEach(async () => {
  done.length = 0;
  server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      const lines = bytes.toString().trimEnd().split("\n");
      for (const line of lines) {
        done.push(line);
        socket.write(`did: ${line}\n`);
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await TcpProxy.start((server.address() as AddressInfo).port);
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy.close();
  server.close();
});

interface Caller {
  readonly socket: Socket;
  heard: string;
  /** How the connection ended. */
  ended: string | null;
  say(line: string): void;
}

async function caller(): Promise<Caller> {
  const socket = connect(proxy.port, "127.0.0.1");
  sockets.push(socket);
  const one: Caller = {
    socket,
    heard: "",
    ended: null,
    say: (line) => void socket.write(`${line}\n`),
  };
  socket.setEncoding("utf8");
  socket.on("data", (text) => void (one.heard += String(text)));
  socket.on("end", () => (one.ended ??= "end"));
  socket.on("error", (error: NodeJS.ErrnoException) => (one.ended ??= error.code ?? "error"));
  await once(socket, "connect");
  return one;
}

/** Says a line and hears the answer to it. */
async function answered(one: Caller, line: string): Promise<void> {
  one.say(line);
  await until(`${line} is answered`, () => one.heard.endsWith(`did: ${line}\n`));
}

test("in fair weather everything passes, and an end does", async () => {
  const one = await caller();
  await answered(one, "a");
  await answered(one, "b");
  expect(proxy.connections).toBe(1);
  one.socket.end();
  await until("the proxy let go", () => proxy.connections === 0);
  expect(done).toEqual(["a", "b"]);
});

test("delayed bytes come in their order", async () => {
  const one = await caller();
  proxy.delay(20);
  for (const line of ["a", "b", "c"]) one.say(line);
  await until("all is answered", () => one.heard === "did: a\ndid: b\ndid: c\n");
});

test("a cut ends the connections that are open, and no later one", async () => {
  const one = await caller();
  await answered(one, "a");
  proxy.cut();
  await until("it ended", () => one.ended !== null);
  expect(one.ended).toBe("ECONNRESET");
  await answered(await caller(), "b");
});

test("a reply is cut in its middle, with what came before still readable", async () => {
  const one = await caller();
  await answered(one, "a");
  proxy.cutReplies(() => 5);
  one.say("b");
  await until("it ended", () => one.ended !== null);
  expect({ heard: one.heard, ended: one.ended }).toEqual({ heard: "did: a\ndid: ", ended: "end" });
  expect(done).toEqual(["a", "b"]);
  await proxy.heal();
  await answered(await caller(), "c");
});

test("a connection that was granted more replies than came is whole again after heal", async () => {
  const one = await caller();
  proxy.cutReplies(() => 10);
  await answered(one, "a");
  await proxy.heal();
  await answered(one, "b");
  await answered(one, "c");
});

test("requests that are held are carried out after heal, also those of a client that left", async () => {
  const [one, other] = [await caller(), await caller()];
  await answered(one, "a");
  await answered(other, "b");
  proxy.hold("requests");
  one.say("c");
  other.say("d");
  other.socket.end();
  const third = await caller();
  third.say("e");
  expect(done).toEqual(["a", "b"]);
  await proxy.heal();
  await until("all is done", () => done.length === 5);
  await until("the reply is there", () => one.heard.endsWith("did: c\n"));
});

test("replies that are held come after heal, to requests that were carried out before", async () => {
  const one = await caller();
  proxy.hold("replies");
  one.say("a");
  await until("it is done", () => done.length === 1);
  expect(one.heard).toBe("");
  await proxy.heal();
  await until("the reply is there", () => one.heard === "did: a\n");
});

test("a connection that lost a request stays deaf, and a new one is well", async () => {
  const one = await caller();
  await answered(one, "a");
  proxy.swallow("requests");
  one.say("b");
  const other = await caller();
  other.say("c");
  await until("both are lost", () => proxy.lost("requests") === "b\nc\n".length);
  await proxy.heal();
  await answered(await caller(), "d");
  one.say("e");
  await answered(await caller(), "f");
  expect(done).toEqual(["a", "d", "f"]);
  expect([one.ended, other.ended]).toEqual([null, null]);
});

test("a connection that lost a reply stays deaf, and a new one is well", async () => {
  const one = await caller();
  proxy.swallow("replies");
  one.say("a");
  await until("it is done", () => done.length === 1);
  await proxy.heal();
  one.say("b");
  await until("it is done", () => done.length === 2);
  await answered(await caller(), "c");
  expect({ heard: one.heard, ended: one.ended }).toEqual({ heard: "", ended: null });
  proxy.cutDeaf();
  await until("the deaf one ended", () => one.ended !== null);
  expect(proxy.connections).toBe(1);
});

test.each(["cut", "hang"] as const)(
  "the reply to one request is lost after it was carried out: %s",
  async (instead) => {
    const [one, other] = [await caller(), await caller()];
    const lost = proxy.loseReply((request) => request.includes("write"), instead);
    await answered(one, "read");
    one.say("write");
    await lost;
    expect(done).toEqual(["read", "write"]);
    await answered(other, "write again");
    if (instead === "cut") await until("it ended", () => one.ended !== null);
    else one.say("more");
    await until("the rest is done", () => done.length === (instead === "cut" ? 3 : 4));
    expect(one.heard).toBe("did: read\n");
    one.socket.end();
    await until("the proxy let go", () => proxy.connections === 1);
  },
);

test("a request is recognised that comes in pieces", async () => {
  const one = await caller();
  const lost = proxy.loseReply((request) => request.includes("write"), "cut");
  one.socket.write("wr");
  await until("the first piece is through", () => done.length === 1);
  one.say("ite");
  await lost;
  expect(done).toEqual(["wr", "ite"]);
});

test("new connections are refused until heal, and old ones stay", async () => {
  const one = await caller();
  proxy.refuse();
  await expect(caller()).rejects.toThrow("ECONNREFUSED");
  await answered(one, "a");
  await proxy.heal();
  await answered(await caller(), "b");
});

test("where the server is gone, connections end", async () => {
  const one = await caller();
  await answered(one, "a");
  const gone = await TcpProxy.start(1);
  const socket = connect(gone.port, "127.0.0.1");
  sockets.push(socket);
  socket.resume();
  await once(socket, "close");
  expect(gone.connections).toBe(0);
  await gone.close();
});
