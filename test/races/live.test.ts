import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { clientOf } from "../adapters/support/socket.io-subject.ts";
import { eventsOf } from "../adapters/support/sse-subject.ts";
import { withServers } from "../support/servers/programs.ts";
import { ENGINES, type EngineName, need } from "./support/engines.ts";
import type { LiveServerConfig } from "./support/live-server.ts";
import type { Place } from "./support/places.ts";

const PROGRAM = fileURLToPath(new URL("./support/live-server.ts", import.meta.url));
const LIMIT_MS = 240_000;
/** How long an end may take to be heard before another is tried: what is subscribed to must come to stand first. */
const HEARING_MS = 1000;

interface Way {
  readonly engine: EngineName;
  readonly name: string;
  /** Where the store tells of ends, sessions are looked at so seldom that nothing but the telling explains a close. */
  readonly told: boolean;
  place(place: Place): Place;
}

const asItIs = (place: Place): Place => place;
const WAYS: readonly Way[] = [
  { engine: "directory", name: "directory, looked at", told: false, place: asItIs },
  { engine: "sqlite", name: "sqlite, looked at", told: false, place: asItIs },
  { engine: "redis", name: "redis, told", told: true, place: asItIs },
  { engine: "redis cluster", name: "redis cluster, told", told: true, place: asItIs },
  {
    engine: "postgres",
    name: "postgres, told",
    told: true,
    place: ({ store, location }) => ({
      store,
      location: JSON.stringify({ ...(JSON.parse(location) as object), notify: true }),
    }),
  },
  { engine: "postgres", name: "postgres, looked at", told: false, place: asItIs },
  { engine: "mariadb", name: "mariadb, looked at", told: false, place: asItIs },
  { engine: "mysql", name: "mysql, looked at", told: false, place: asItIs },
];

/** One server process. */
class LiveServer {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(config: LiveServerConfig): Promise<LiveServer> {
    const child = fork(PROGRAM, [JSON.stringify(config)], {
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const first = await Promise.race([once(child, "message"), once(child, "exit").then(() => null)]);
    if (first === null) throw new Error("A server did not start.");
    return new LiveServer(child, (first[0] as { port: number }).port);
  }

  /** Has it close everything. It ends by itself then, or something was left behind. */
  async stop(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.send("close");
    const insist = setTimeout(() => this.#child.kill("SIGKILL"), 20_000);
    expect(await exited).toEqual([0, null]);
    clearTimeout(insist);
  }

  async request(
    path: string,
    cookie?: string,
  ): Promise<{ status: number; cookie: string | undefined; body: string }> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      headers: cookie === undefined ? {} : { cookie },
    });
    const [set] = response.headers.getSetCookie();
    return { status: response.status, cookie: set?.split(";")[0] ?? cookie, body: await response.text() };
  }

  async login(user: string): Promise<string> {
    const { cookie } = await this.request(`/?verb=login&value=${user}`);
    if (cookie === undefined) throw new Error("a login sets a cookie");
    return cookie;
  }
}

/** What connects to a server, and how it is told of the end. Resolves when it is connected. */
const CONNECTIONS: Readonly<
  Record<string, (port: number, cookie: string) => Promise<{ ended: Promise<string> }>>
> = {
  async ws(port, cookie) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers: { cookie } });
    const ended = new Promise<string>((resolve) => {
      socket.on("close", (_code, reason) => resolve(String(reason)));
    });
    await once(socket, "message");
    return { ended };
  },
  async "Socket.IO"(port, cookie) {
    const socket = clientOf(`http://127.0.0.1:${port}`, { cookie });
    const ended = new Promise<string>((resolve) => {
      socket.on("session-end", (reason: string) => socket.on("disconnect", () => resolve(reason)));
    });
    await new Promise((resolve) => {
      socket.on("hello", resolve);
      socket.connect();
    });
    return { ended };
  },
  "server-sent events": (port, cookie) =>
    new Promise((resolve) => {
      get({ host: "127.0.0.1", port, path: "/events", headers: { cookie }, agent: false }, (response) => {
        response.setEncoding("utf8");
        let reason = "";
        const ended = new Promise<string>((over) => response.on("end", () => over(reason)));
        eventsOf(response, ({ event, data }) => {
          if (event === "session-end") reason = data;
          else resolve({ ended });
        });
      });
    }),
};

const ENDS: Readonly<Record<string, (at: LiveServer, user: string, cookie: string) => Promise<unknown>>> = {
  "a logout": (at, _user, cookie) => at.request("/?verb=logout", cookie),
  "a revocation": (at, user) => at.request(`/revoke?user=${user}`),
};

function later(ms: number): Promise<null> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(null), ms);
  });
}

for (const way of WAYS) {
  withServers(ENGINES[way.engine].needs, () => {
    describe(`live connections over ${way.name}`, { timeout: LIMIT_MS }, () => {
      const needed = need(way.engine);
      let servers: readonly [LiveServer, LiveServer];
      let users = 0;

      beforeAll(async () => {
        const places = (await (await needed.running()).places()).map(way.place);
        const live = { checkEvery: way.told ? "1h" : "200ms" } as const;
        const [first, second = first] = places;
        if (first === undefined || second === undefined) throw new Error("There is no place.");
        servers = [
          await LiveServer.start({ place: first, live }),
          await LiveServer.start({ place: second, live }),
        ];
      }, LIMIT_MS);

      afterAll(async () => {
        await Promise.all(servers.map((server) => server.stop()));
        await needed.over();
      }, LIMIT_MS);

      for (const [what, connect] of Object.entries(CONNECTIONS)) {
        for (const [end, act] of Object.entries(ENDS)) {
          test(`${end} in one process closes ${what} in the other`, async () => {
            const [here, there] = servers;
            for (let attempt = 0; ; attempt += 1) {
              const user = `user${(users += 1)}`;
              const cookie = await here.login(user);
              const { ended } = await connect(there.port, cookie);
              await act(here, user, cookie);
              // What is looked for is found, however long it takes. What is told may not be heard yet.
              const reason = await (way.told && attempt < 30
                ? Promise.race([ended, later(HEARING_MS)])
                : ended);
              if (reason === null) continue;
              expect(reason).toBe("ended");
              return;
            }
          });
        }
      }

      test("overlapping messages in both processes and requests are all counted", async () => {
        const cookies = await Promise.all(
          Array.from({ length: 20 }, (_, index) => servers[index % 2]!.login(`storm${(users += 1)}`)),
        );
        const counts = cookies.map(() => ({ acknowledged: 0, unknown: 0 }));
        const enter = (index: number, outcome: string): void => {
          const count = counts[index];
          if (count === undefined) return;
          if (outcome === "done") count.acknowledged += 1;
          else if (/UNKNOWN|UNAVAILABLE|503/.test(outcome)) count.unknown += 1;
          else expect(outcome).toMatch(/CONFLICT|409/);
        };
        await Promise.all(
          Array.from({ length: 200 }, async (_, index) => {
            const one = index % cookies.length;
            const server = servers[Math.floor(index / cookies.length) % 2]!;
            const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws`, {
              headers: { cookie: cookies[one]! },
            });
            await once(socket, "message");
            for (let round = 0; round < 3; round += 1) {
              const answer = once(socket, "message");
              socket.send(String(round));
              if (round === 1) {
                const { status } = await server.request("/?verb=increment&name=n", cookies[one]);
                enter(one, status === 200 ? "done" : String(status));
              }
              enter(one, String((await answer)[0]).split(" ")[1] ?? "");
            }
            socket.close();
          }),
        );
        for (const [index, cookie] of cookies.entries()) {
          const { body } = await servers[0].request("/?verb=look", cookie);
          const { n } = (JSON.parse(body) as { data: { n: number } }).data;
          const { acknowledged, unknown } = counts[index]!;
          expect(acknowledged).toBeGreaterThan(0);
          expect(n).toBeGreaterThanOrEqual(acknowledged);
          expect(n).toBeLessThanOrEqual(acknowledged + unknown);
        }
      });

      test("after an acknowledged revocation no message of the other process is stored", async () => {
        const [here, there] = servers;
        const user = `revoked${(users += 1)}`;
        const cookie = await here.login(user);
        let revoked = false;
        let answers = 0;
        let busy = (): void => {};
        const isBusy = new Promise<void>((resolve) => {
          busy = resolve;
        });
        const lateDone: string[] = [];
        const sockets = await Promise.all(
          Array.from({ length: 20 }, async () => {
            const socket = new WebSocket(`ws://127.0.0.1:${there.port}/ws`, { headers: { cookie } });
            await once(socket, "message");
            return socket;
          }),
        );
        const work = Promise.all(
          sockets.map(
            (socket) =>
              new Promise<void>((resolve) => {
                let number = 0;
                const sentLate = new Set<number>();
                const send = (): void => {
                  if (socket.readyState !== WebSocket.OPEN) return;
                  if (revoked) sentLate.add(number);
                  socket.send(String(number));
                  number += 1;
                };
                socket.on("message", (data) => {
                  const [which, outcome] = String(data).split(" ");
                  answers += 1;
                  if (answers === 100) busy();
                  if (outcome === "done" && sentLate.has(Number(which))) lateDone.push(String(data));
                  if (revoked && way.told && number > 500) socket.close();
                  send();
                });
                socket.on("close", () => resolve());
                send();
              }),
          ),
        );
        await isBusy;
        expect((await here.request(`/revoke?user=${user}`)).body).toBe("1");
        revoked = true;
        await work;
        expect(lateDone).toEqual([]);
        const { body } = await here.request("/?verb=look", cookie);
        expect(JSON.parse(body)).toMatchObject({ isNew: true });
      });
    });
  });
}
