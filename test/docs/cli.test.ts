import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit.ts";
import { programFor } from "../../src/cli/program.ts";
import { openStore } from "../../src/open-store.ts";
import { run } from "../cli/support.ts";
import { withServers } from "../support/servers/programs.ts";
import { RedisServer } from "../support/servers/redis.ts";
import { fill, NOW } from "./cli-store.ts";
import { type Block, blocksOf, ROOT, tableUnder, textOf } from "./pages.ts";

const PAGE = "docs/cli.md";
/** The server of the page's examples. */
const REDIS = "redis://localhost:6379";

interface Command {
  readonly line: string;
  readonly expected: string;
}

/** A block of commands, each with what it prints. */
function commandsOf({ code }: Block): Command[] {
  return code
    .split(/^(?=\$ )/m)
    .map((part) => ({
      line: part.split("\n", 1)[0]?.slice(2) ?? "",
      expected: part.slice(part.indexOf("\n") + 1),
    }))
    .map(({ line, expected }) => ({ line, expected: expected === `$ ${line}` ? "" : expected.trimEnd() }));
}

/** The page leaves out what differs from machine to machine by `…`, and lines by a line of it. */
function patternOf(expected: string): RegExp {
  const escaped = expected.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replace(/^…$/gm, "[^]*").replaceAll("…", "[^\\n]*")}$`);
}

test("the page has every command and every exit code", () => {
  const world = { version: "", print() {}, complain() {}, coloured: false };
  const commands = programFor(world as never, () => undefined).commands.map((command) => command.name());
  const sections = [...textOf(PAGE).matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
  expect(new Set(sections)).toEqual(new Set([...sections, ...commands]));
  expect(tableUnder(PAGE, "What it prints").map(([code]) => Number(code))).toEqual(Object.values(EXIT));
});

withServers(["redis"], () => {
  let folder = "";
  let server: RedisServer;
  let code = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-cli-page-"));
    server = await RedisServer.start();
    await fill(`file:${join(folder, "sessions.db")}`, NOW);
    // Redis knows the time by itself.
    await fill(server.url, Date.now());
    await server.cli("CONFIG", "SET", "maxmemory", "256mb", "maxmemory-policy", "allkeys-lru");
    const root = join(ROOT, "src");
    writeFileSync(
      join(folder, "sessions.js"),
      `import { SessionManager } from ${JSON.stringify(join(root, "index.ts"))};
       import { memoryStore } from ${JSON.stringify(join(root, "stores/memory.ts"))};
       export const sessions = new SessionManager({ store: memoryStore(), preset: "aal2" });`,
    );
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a line of the page says, in the folder and at the time of its examples. */
  async function said(line: string): Promise<string> {
    if (line === "echo $?") return String(code);
    const here = (text: string): string =>
      text.replaceAll(REDIS, server.url).replaceAll(/file:(?=\w)/g, `file:${folder}/`);
    const args = here(line).split(" ").slice(1);
    const lines: string[] = [];
    const stop = new AbortController();
    // While it is watched, a session changes and another ends.
    const deeds = args[0] === "watch" ? [update, remove, async () => stop.abort()] : [];
    const ran = await run(args, {
      folder,
      // Redis compares its own clock with the one here.
      now: args[0] === "doctor" ? Date.now : () => NOW,
      stopped: stop.signal,
      complain: (text) => void lines.push(text),
      print(text) {
        lines.push(text);
        void deeds.shift()?.();
      },
    });
    code = ran.code;
    return lines.join("").replaceAll(server.url, REDIS).replaceAll(`${folder}/`, "").trimEnd();
  }

  async function update(): Promise<void> {
    const store = await openStore(server.url);
    const change = { now: Date.now(), epoch: 1, set: { cart: '["rope"]' } };
    await store.update("6vNn0GmJzQbS3DkpXwYtR1aL" as never, change, { signal: new AbortController().signal });
    await store.close();
  }

  async function remove(): Promise<void> {
    const store = await openStore(server.url);
    await store.delete("Zt2bQy8nHs4kJw6eRu1mXo5p" as never, {}, { signal: new AbortController().signal });
    await store.close();
  }

  for (const block of blocksOf(PAGE).filter(({ language }) => language === "console")) {
    test(`${PAGE}, line ${block.line}, prints what it says`, async () => {
      for (const { line, expected } of commandsOf(block))
        expect(await said(line)).toMatch(patternOf(expected));
    });
  }
});
