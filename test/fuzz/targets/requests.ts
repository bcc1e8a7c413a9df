import assert from "node:assert/strict";
import { isIPv4, isIPv6 } from "node:net";
import { Readable } from "node:stream";
import { networkOf, spelledOut } from "../../../src/core/network.ts";
import { agentOf } from "../../../src/devices/user-agent.ts";
import { devices } from "../../../src/devices.ts";
import { bodyOf, fetchBody, type NodeAsk, nodeBody } from "../../../src/endpoint/body.ts";
import { fetchEndpoint } from "../../../src/endpoint.ts";
import { type Session, SessionManager } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { manualClock } from "../../../src/testing/clock.ts";
import { cookieAfter, testExchange, type TestExchangeOptions } from "../../support/exchange.ts";
import { firstLine, NOW, type Target } from "./target.ts";

export const REQUEST_TARGETS: Readonly<Record<string, Target>> = {
  /** The type of a body, where it is cut in pieces as it comes, and the body. */
  async body(text) {
    const [line, after] = firstLine(text);
    const [cuts, content] = firstLine(after);
    const type = line.replaceAll(/[^\x20-\x7e]/g, "");
    const bytes = Buffer.from(content, "latin1");
    const request = new Request("http://a.example/", { method: "POST", body: bytes });
    const whole = bodyOf(type, () => fetchBody(request));
    const pieces = bodyOf(type, () => nodeBody(streamOf(cutAt(bytes, cuts.split(",").map(Number)))));
    // However it comes, and however often it is looked at, it says the same.
    assert.equal(await pieces.text(), await whole.text());
    const fields = await whole.fields();
    assert.deepEqual(await pieces.fields(), fields);
    assert.deepEqual(await whole.fields(), fields);
    for (const [name, value] of fields) assert.equal(`${typeof name} ${typeof value}`, "string string");
    if (/^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)) {
      const form = new URLSearchParams(await whole.text());
      for (const name of form.keys())
        assert.deepEqual(fields.get(name), form.getAll(name).length === 1 ? form.get(name) : undefined);
    } else if (!/^\s*application\/json\s*(?:;|$)/i.test(type)) assert.equal(fields.size, 0);
  },

  /** Lines: method, path, Content-Type, Accept, X-CSRF-Token, and the body. `$csrf`, `$other`, `$bob` and `$current` stand for what they name. */
  async devices(text) {
    const { ask, csrf, sessions, close } = await account();
    const [method = "", path = "", type = "", accept = "", token = "", ...rest] = text
      .replaceAll("$csrf", csrf)
      .replaceAll(/\$(other|bob|current)/g, (_, name: keyof typeof sessions) => sessions[name])
      .split("\n");
    const request = requestOf({ method, path, type, accept, token, body: rest.join("\n") });
    if (request === null) return void (await close());
    const response = await ask(request);
    const { bob, anns } = await close();
    assert.match(String(response.status), /^(?:200|303|401|403|404|405)$/);
    assert.match(response.headers.get("cache-control") ?? "", /no-store/);
    const location = response.headers.get("location");
    if (location !== null) assert.match(location, /^\/(?:account|login|prove)$/);
    // Another user's are never ended; one's own by who shows the session's token, and by POST alone.
    assert.equal(bob, 1);
    const mayEnd = method.toUpperCase() === "POST" && text.includes("$csrf");
    if (!mayEnd) assert.equal(anns, 2);
    if (response.status >= 400) assert.equal(anns, 2);
  },

  /** Lines: the address and the user agent that a session was made from, and those that it is presented from. */
  async places(text) {
    const [from = "", to = "", before = "", after = ""] = text.split("\n");
    for (const address of [from, to]) checkAddress(address);
    for (const agent of [before, after]) checkAgent(agent);

    const clock = manualClock(NOW);
    const manager = new SessionManager({ store: memoryStore(), clock, sweepEvery: false, moves: {} });
    const moves: unknown[] = [];
    manager.on("moved", (event) => void moves.push(event));
    const visit = async (address: string, userAgent: string, cookie?: string, user?: string) => {
      const exchange = testExchange({
        ...placed(address, userAgent),
        ...(cookie !== undefined && { cookie }),
      });
      const session = await manager.startRequest(exchange);
      if (user !== undefined) session.login(user);
      assert.equal(cookie !== undefined, !session.isNew);
      await manager.finishSuccessfulRequest(exchange);
      // A touch goes on beside the response.
      await Promise.all(exchange.background);
      return exchange;
    };
    const cookie = cookieAfter(await visit(from, before, undefined, "ann"));
    await visit(from, before, cookie);
    assert.deepEqual(moves, []);
    await visit(to, after, cookie);
    const hasOtherNetwork = from !== "" && to !== "" && networkOf(from) !== networkOf(to);
    if (hasOtherNetwork) assert.equal(moves.length, 1);
    if (from === to && before === after) assert.deepEqual(moves, []);
    const told = moves.length;
    await visit(to, after, cookie);
    assert.equal(moves.length, told);
    await manager.close();
  },
};

function placed(address: string, userAgent: string): TestExchangeOptions {
  return {
    ...(address !== "" && { remoteAddress: address }),
    requestHeaders: { host: "a.example", ...(userAgent !== "" && { "user-agent": userAgent }) },
  };
}

function checkAddress(address: string): void {
  const spelt = spelledOut(address);
  if (isIPv4(address)) {
    for (const other of [`${address}:8080`, `::ffff:${address}`, `[::FFFF:${address}]:1`])
      assert.deepEqual([spelledOut(other), networkOf(other)], [spelt, networkOf(address)]);
    const [a, b, c] = address.split(".").map(Number);
    assert.equal(networkOf(`${a}.${b}.${c}.77`), networkOf(address));
    assert.notEqual(networkOf(`${a}.${b}.${((c ?? 0) + 1) % 256}.77`), networkOf(address));
  } else if (isIPv6(address) && !address.includes("%")) {
    // Another parser's spelling of it.
    const normal = new URL(`http://[${address}]/`).hostname.slice(1, -1);
    for (const other of [normal, `[${normal}]`, `[${address}]:443`, `${address}%eth0`])
      assert.deepEqual([spelledOut(other), networkOf(other)], [spelt, networkOf(address)]);
    assert.equal(spelt.split(" ").length, 8);
  } else if (!/[:.]/.test(address)) assert.deepEqual([spelt, networkOf(address)], [address, address]);
}

function checkAgent(agent: string): void {
  const [browser = "", os = "", kind = ""] = agent.split(/[/(;]/);
  const shown = agentOf(agent, (text) => {
    if (text.includes("!")) throw new Error("not recognised");
    return { browser, os, kind };
  });
  for (const [name, value] of Object.entries(shown)) {
    if (value === null) continue;
    assert.ok(value !== "" && value.length <= (name === "text" ? 80 : 40));
    assert.doesNotMatch(value, /[\p{Cc}\p{Cf}\p{Cs}]/u);
    assert.equal(agentOf(value, undefined).text, value);
  }
}

/** A user with two sessions, a stranger with one, and the endpoint as the first of them asks it. */
async function account() {
  const clock = manualClock(NOW);
  const manager = new SessionManager({ store: memoryStore(), clock, sweepEvery: false });
  const login = async (user: string): Promise<{ cookie: string; id: string }> => {
    const exchange = testExchange();
    const session = await manager.startRequest(exchange);
    session.login(user);
    await manager.finishSuccessfulRequest(exchange);
    return { cookie: cookieAfter(exchange), id: String(session.id) };
  };
  const [current, other, bob] = [await login("ann"), await login("ann"), await login("bob")];
  const pages = { devices: "/account", login: "/login", reauthenticate: "/prove" };
  const handle = fetchEndpoint<Session>(devices(manager as never, { pages }).endpoint);
  const exchange = testExchange({ cookie: current.cookie });
  const session = await manager.startRequest(exchange);
  return {
    csrf: session.csrfToken(),
    sessions: { current: current.id, other: other.id, bob: bob.id },
    ask: (request: Request) => handle(request, session),
    async close() {
      await manager.finishSuccessfulRequest(exchange);
      const [anns, bobs] = [await manager.sessionsOf("ann"), await manager.sessionsOf("bob")];
      await manager.close();
      return { anns: anns.length, bob: bobs.length };
    },
  };
}

/** `null` for what no client can send. */
function requestOf(of: Readonly<Record<"method" | "path" | "type" | "accept" | "token" | "body", string>>) {
  const { method, path, type, accept, token, body } = of;
  try {
    const headers = new Headers();
    for (const [name, value] of Object.entries({ "content-type": type, accept, "x-csrf-token": token }))
      if (value !== "") headers.set(name, value);
    const hasBody = !/^(?:get|head)$/i.test(method);
    return new Request(new URL(path, "http://a.example"), {
      method,
      headers,
      ...(hasBody && { body: Buffer.from(body, "latin1") }),
    });
  } catch {
    return null;
  }
}

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sound = places.filter((place) => place > 0 && place < bytes.length);
  const ends = [...new Set(sound.map((place) => Math.floor(place)))].toSorted((a, b) => a - b);
  const starts = [0, ...ends];
  return starts.map((start, index) => bytes.subarray(start, ends[index] ?? bytes.length));
}

/** What is used of a request of Node's. */
function streamOf(pieces: readonly Buffer[]): NodeAsk {
  const stream = Readable.from(
    pieces.filter((piece) => piece.length > 0),
    { objectMode: false },
  );
  return Object.assign(stream, { headers: {} }) as unknown as NodeAsk;
}
