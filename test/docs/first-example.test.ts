import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cookieJar } from "../../src/testing/index.ts";
import { blocksOf, ROOT } from "./pages.ts";

const FIRST = blocksOf("README.md").find((block) => block.language === "ts");
let folder = "";
const children: ChildProcess[] = [];

beforeAll(() => {
  if (!existsSync(join(ROOT, "dist/index.js"))) {
    throw new Error("The first example imports the built package, and dist is missing. Run: npm run build");
  }
  folder = mkdtempSync(join(tmpdir(), "holdfast-first-example-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules/holdfast"), "junction");
  symlinkSync(join(ROOT, "node_modules/express"), join(folder, "node_modules/express"), "junction");
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  writeFileSync(join(folder, "server.mjs"), FIRST?.code ?? "");
});

afterAll(async () => {
  await Promise.all(children.map(killed));
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Starts the example as it stands, and waits until it answers at all. */
async function started(port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["server.mjs"], {
    cwd: folder,
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  children.push(child);
  let errors = "";
  child.stderr?.on("data", (text: Buffer) => (errors += text.toString()));
  while (child.exitCode === null) {
    const answer = await fetch(`http://127.0.0.1:${port}/nowhere`).catch(() => null);
    if (answer?.status === 404) return child;
    await pause(20);
  }
  throw new Error(`The example ended by itself.\n${errors}`);
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

test("the first example of README has at most 20 lines", () => {
  expect(FIRST?.language).toBe("ts");
  expect(FIRST?.code.split("\n").length).toBeLessThanOrEqual(20);
});

test("the first example of README counts a visitor's visits, over a killed server", async () => {
  const jar = cookieJar();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  async function visit(): Promise<string> {
    const cookie = jar.header(url);
    const response = await fetch(url, cookie === undefined ? {} : { headers: { cookie } });
    jar.take(response.headers.getSetCookie(), url);
    return await response.text();
  }

  const first = await started(port);
  expect(await visit()).toBe("You have been here 1 times.");
  expect(await visit()).toBe("You have been here 2 times.");
  await killed(first);
  await started(port);
  expect(await visit()).toBe("You have been here 3 times.");
});
