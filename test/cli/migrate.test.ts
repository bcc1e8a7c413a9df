import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { openStore } from "../../src/open-store.ts";
import { SessionManager } from "../../src/index.ts";
import { movingStore } from "../../src/stores/moving.ts";
import { testExchange, cookieAfter } from "../support/exchange.ts";
import { PostgresServer } from "../support/servers/postgres.ts";
import { withServers } from "../support/servers/programs.ts";
import { RedisServer } from "../support/servers/redis.ts";
import { until } from "../support/servers/server-process.ts";
import { begin, run, start, temporaryFolder } from "./support.ts";

function places() {
  const folder = temporaryFolder();
  return { folder, from: `file:${join(folder, "old.db")}`, to: `file:${join(folder, "new")}/` };
}

const people = (count: number) => Array.from({ length: count }, (_, at) => ({ user: `user${at % 7}` }));

async function idsIn(url: string): Promise<string[]> {
  const { printed } = await run(["list", url, "--json", "--limit", "100000"]);
  const { sessions } = JSON.parse(printed) as { sessions: { id: string }[] };
  return sessions.map(({ id }) => id).sort();
}

function stateFiles(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith("holdfast-migration-"));
}

describe("migrate", () => {
  test("moves every session, verifies counts and samples, and leaves no note behind", async () => {
    const { folder, from, to } = places();
    const ids = await begin(from, people(30));
    const { code, printed, complained } = await run(["migrate", from, to, "--yes"], { folder });
    expect([code, complained]).toEqual([0, ""]);
    expect(printed).toMatch(
      /^Brought 30 records\.\nOld store: 0 live sessions, 0 still to be brought\. New store: 30 live sessions\.\nCompared 30 samples: 30 equal\.\nComplete\.\n$/,
    );
    expect([await idsIn(from), await idsIn(to)]).toEqual([[], ids.sort()]);
    expect(stateFiles(folder)).toEqual([]);
  });

  test("is idempotent, and data with --json", async () => {
    const { folder, from, to } = places();
    await begin(from, people(9));
    const args = ["migrate", from, to, "--mode", "copy", "--json"];
    expect(JSON.parse((await run(args, { folder })).printed)).toMatchObject({
      brought: 9,
      complete: true,
      counts: { from: 9, to: 9 },
      samples: { checked: 9, equal: 9 },
      failures: [],
    });
    expect(JSON.parse((await run(args, { folder })).printed)).toMatchObject({
      brought: 0,
      present: 9,
      complete: true,
    });
  });

  test("asks before it empties a store, and wants --yes where nobody can be asked", async () => {
    const { folder, from, to } = places();
    await begin(from, people(2));
    expect(await run(["migrate", from, to], { folder })).toMatchObject({
      code: 2,
      complained: expect.stringContaining("movingStore") as string,
    });
    const asked = { folder, interactive: true, ask: async () => "n" };
    expect(await run(["migrate", from, to], asked)).toMatchObject({ code: 130 });
    expect(await idsIn(from)).toHaveLength(2);
    expect(await run(["migrate", from, from, "--yes"], { folder })).toMatchObject({ code: 2 });
  });

  test("refuses a store under two names, and loses nothing", async () => {
    const { folder, from } = places();
    await begin(from, people(4));
    const twice = await run(["migrate", from, `file://${join(folder, "old.db")}`, "--yes"], { folder });
    expect(twice).toMatchObject({ code: 2, complained: expect.stringContaining("the same store") as string });
    expect(await idsIn(from)).toHaveLength(4);
  });

  test("stops at Ctrl-C, and goes on from there", async () => {
    const { folder, from, to } = places();
    const ids = await begin(from, people(450));
    const stop = new AbortController();
    const bar = terminal(() => stop.abort());
    const args = ["migrate", from, to, "--mode", "copy"];
    const first = await run(args, { folder, progress: bar.stream, stopped: stop.signal });
    expect([first.code, first.complained]).toEqual([130, expect.stringContaining("goes on from there")]);
    const [state = ""] = stateFiles(folder);
    expect(JSON.parse(readFileSync(join(folder, state), "utf8"))).toMatchObject({
      from,
      to,
      mode: "copy",
      done: 200,
    });
    expect(statSync(join(folder, state)).mode & 0o777).toBe(0o600);
    const second = await run(args, { folder });
    expect(second).toMatchObject({ code: 0, complained: expect.stringContaining("Going on") as string });
    // The pages that the first run brought are not looked at again; some of the next one were brought by then.
    const [, brought = 0, present = 0] =
      /^Brought (\d+) records(?:; (\d+) there already)?/.exec(second.printed) ?? [];
    expect(Number(brought) + Number(present)).toBe(250);
    expect(await idsIn(to)).toEqual(ids.sort());
    expect(stateFiles(folder)).toEqual([]);
  });

  test("refuses the note of another migration, and begins anew when it is told to", async () => {
    const { folder, from, to } = places();
    await begin(from, people(3));
    writeFileSync(
      join(folder, "note.json"),
      '{"from":"redis://elsewhere","to":"x","mode":"move","after":"a","done":1}',
    );
    const args = ["migrate", from, to, "--yes", "--state", "note.json"];
    expect(await run(args, { folder })).toMatchObject({ code: 4 });
    expect(await run([...args, "--fresh"], { folder })).toMatchObject({ code: 0 });
  });

  test("draws a bar with share, rate and remaining time on a terminal alone", async () => {
    const { folder, from, to } = places();
    await begin(from, people(450));
    let now = Date.now();
    const bar = terminal();
    const trial = { folder, progress: bar.stream, now: () => (now += 1000) };
    expect((await run(["migrate", from, to, "--mode", "copy"], trial)).code).toBe(0);
    expect(bar.text()).toMatch(/█+░+ 44 % {2}200 of 450 sessions {2}[\d,]+\/s {2}\d+[ms] .*left/);
    expect(bar.text()).toContain("100 %  450 of 450 sessions");
    const uncounted = terminal();
    const again = { ...trial, progress: uncounted.stream };
    expect((await run(["migrate", from, to, "--mode", "copy", "--no-count"], again)).code).toBe(0);
    expect(uncounted.text()).toMatch(/450 sessions, \d+\/s/);
  });

  test("a store that cannot be reached is told by 3, and its password is not", async () => {
    const { folder, from } = places();
    await begin(from, people(2));
    const environment = { HOLDFAST_TO: "redis://me:hunter22@127.0.0.1:1" };
    const { code, complained } = await run(["migrate", from, "--yes", "--timeout", "300ms"], {
      folder,
      environment,
    });
    expect([code, complained.includes("hunter22")]).toEqual([3, false]);
    expect(await idsIn(from)).toHaveLength(2);
  });
});

/** A terminal that keeps what is drawn on it. */
function terminal(onDrawn: () => void = () => undefined) {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 120 });
  let drawn = "";
  stream.on("data", (text: Buffer) => {
    drawn += text.toString();
    if (/200 of/.test(drawn)) onDrawn();
  });
  return { stream, text: () => drawn };
}

withServers(["redis", "postgres"], () => {
  test(
    "P2: Redis to PostgreSQL under requests, stopped and resumed: nobody is logged out, and who logged out stays so",
    { timeout: 120_000 },
    async () => {
      const redis = await RedisServer.start();
      const postgres = await PostgresServer.start();
      const to = `${postgres.url}?durability=process`;
      expect((await run(["setup", to])).code).toBe(0);
      const folder = temporaryFolder();
      const both = new SessionManager({
        store: movingStore({ from: await openStore(redis.url), to: await openStore(to) }),
      });
      const cookies = await loggedIn(both, 60);
      await begin(redis.url, people(800));

      const args = ["migrate", redis.url, to, "--yes", "--concurrency", "1", "--no-count"];
      const migration = start(args, { folder });
      let logins = 0;
      const leaving = cookies.splice(0, 20);
      for (const cookie of leaving) await request(both, cookie, (session) => session.logout());
      for (const cookie of cookies) await request(both, cookie, (session) => session.increment("visits"));
      // More than the requests have moved by themselves.
      await until("the migration is on its way", async () => (await idsIn(to)).length > 60);
      migration.interrupt();
      expect([0, 130]).toContain((await migration.ended).code);
      expect(await start(args, { folder }).ended).toMatchObject({ code: 0 });

      const after = new SessionManager({ store: await openStore(to) });
      for (const cookie of cookies) {
        await request(after, cookie, (session) => {
          if (session.user !== null && session.get("visits") === 1) logins += 1;
        });
      }
      for (const cookie of leaving)
        await request(after, cookie, (session) => expect(session.user).toBe(null));
      expect(logins).toBe(40);
      expect(await redis.cli("--scan", "--pattern", "holdfast:s*").catch(() => "")).toBe("");
      await Promise.all([both.close(), after.close()]);
      await Promise.all([redis.stop(), postgres.stop()]);
    },
  );
});

type Visit = Awaited<ReturnType<SessionManager["startRequest"]>>;

async function request(
  manager: SessionManager,
  cookie: string | undefined,
  visit: (session: Visit) => void,
): Promise<string> {
  const exchange = testExchange(cookie === undefined ? {} : { cookie });
  visit(await manager.startRequest(exchange));
  await manager.finishSuccessfulRequest(exchange);
  return exchange.cookies.length === 0 ? (cookie ?? "") : cookieAfter(exchange);
}

async function loggedIn(manager: SessionManager, count: number): Promise<string[]> {
  const cookies: string[] = [];
  for (let at = 0; at < count; at += 1)
    cookies.push(await request(manager, undefined, (session) => session.login(`user${at}`)));
  return cookies;
}
