import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { demandBuild, ROOT } from "../package/package-json.ts";
import { walkThrough } from "./walk.ts";

beforeAll(demandBuild);

test("the live shop is walked through by browsers as promised", { timeout: 120_000 }, () =>
  walkThrough("examples/live/server.ts"),
);

describe("its counter", { timeout: 60_000 }, () => {
  let folder: string;
  let server: ChildProcess;
  let origin: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-live-"));
    server = spawn(
      process.execPath,
      ["examples/live/server.ts", "--store", `file:${join(folder, "sessions")}`],
      {
        cwd: ROOT,
        env: { ...process.env, PORT: "0" },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const [line] = (await once(server.stdout ?? server, "data")) as [Buffer];
    origin = /http:\/\/localhost:\d+/.exec(String(line))?.[0] ?? "";
  });

  afterAll(async () => {
    const exited = once(server, "exit");
    server.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
    await rm(folder, { recursive: true, force: true });
  });

  async function post(path: string, body: string, cookie?: string): Promise<string | undefined> {
    const response = await fetch(`${origin}${path}`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams(body),
      headers: cookie === undefined ? {} : { cookie },
    });
    await response.text();
    return response.headers.getSetCookie()[0]?.split(";")[0];
  }

  interface Tab {
    readonly socket: WebSocket;
    /** The latest count that it showed. */
    hits: number;
    counted: number;
    refused: number;
    readonly closed: Promise<number>;
  }

  async function tab(cookie?: string): Promise<Tab> {
    const socket = new WebSocket(`${origin.replace("http", "ws")}/live`, {
      headers: { origin, ...(cookie !== undefined && { cookie }) },
    });
    const closed = new Promise<number>((resolve) => socket.on("close", resolve));
    const opened: Tab = { socket, hits: 0, counted: 0, refused: 0, closed };
    socket.on("message", (data) => {
      const { hits, hit } = JSON.parse(String(data)) as { hits?: number; hit?: string };
      if (hits !== undefined) opened.hits = Math.max(opened.hits, hits);
      if (hit === "counted") opened.counted += 1;
      if (hit === "refused") opened.refused += 1;
    });
    await once(socket, "open");
    return opened;
  }

  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  }

  test("shows in each tab what another counted, and every tab learns of a sign-out", async () => {
    const cookie = await post("/sign-in", "name=Ann");
    const tabs = [await tab(cookie), await tab(cookie)] as const;
    for (let hit = 0; hit < 25; hit += 1) tabs[0].socket.send("hit");
    await until(() => tabs.every(({ hits }) => hits === 25));
    expect([tabs[0].counted, tabs[1].counted]).toEqual([25, 0]);
    const other = await tab(await post("/sign-in", "name=Bob"));
    await post("/sign-out", "", cookie);
    expect(await Promise.all(tabs.map(({ closed }) => closed))).toEqual([4401, 4401]);
    expect(other.socket.readyState).toBe(WebSocket.OPEN);
    other.socket.close();
  });

  test("counts nothing for a visitor without a session, and says so", async () => {
    const visitor = await tab();
    visitor.socket.send("hit");
    await until(() => visitor.refused === 1);
    expect(visitor.hits).toBe(0);
    visitor.socket.close();
  });
});
