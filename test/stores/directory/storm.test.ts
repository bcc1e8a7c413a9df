import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { directoryStore } from "../../../src/stores/directory.ts";
import { HOUR, call, change, idOf, record, temporaryFolder, tree } from "./support.ts";

const PROGRAM = fileURLToPath(new URL("./worker.ts", import.meta.url));
const SESSIONS = 3;

interface Storm {
  readonly child: ChildProcess;
  readonly name: string;
  readonly lines: string[];
  readonly errors: string[];
  /** Resolves at the n-th line, or when the process ends. */
  reaches(lines: number): Promise<void>;
  readonly ended: Promise<unknown>;
}

function start(root: string, name: string): Storm {
  const child = spawn(process.execPath, [PROGRAM, root, name, String(SESSIONS)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const errors: string[] = [];
  let heard = (): void => {};
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    heard();
  });
  child.stderr.on("data", (text: Buffer) => errors.push(text.toString()));
  const ended = once(child, "close").then(() => heard());
  async function reaches(count: number): Promise<void> {
    while (lines.length < count && child.exitCode === null && child.signalCode === null) {
      await new Promise<void>((resolve) => (heard = resolve));
    }
  }
  return { child, name, lines, errors, reaches, ended };
}

/** The largest number that a process told of, by verb and session. */
function told({ lines }: Storm, verb: string): Map<number, number> {
  const last = new Map<number, number>();
  for (const line of lines) {
    const [what, number, value] = line.split(" ");
    if (what === verb) last.set(Number(number), Math.max(last.get(Number(number)) ?? 0, Number(value ?? 1)));
  }
  return last;
}

// The processes run this repository's sources, which Node 20 cannot.
test.runIf(process.features.typescript)(
  "processes killed in a storm lose nothing that was acknowledged, bring nothing back and leave nothing unreadable",
  async () => {
    const folder = await temporaryFolder();
    const storms: Storm[] = [];
    try {
      const store = directoryStore(folder.path);
      for (let number = 0; number < SESSIONS; number++) {
        assert.ok(await store.create(record({ id: idOf(number), fields: {} }), call()));
      }

      // Several generations, two processes at a time, each killed at a moment that nobody chose.
      for (let generation = 0; generation < 6; generation++) {
        const pair = [
          start(folder.path, `w${generation * 2 + 1}`),
          start(folder.path, `w${generation * 2 + 2}`),
        ];
        storms.push(...pair);
        await Promise.all(
          pair.map(async (storm, index) => {
            await storm.reaches(150 + 37 * generation + 61 * index);
            storm.child.kill("SIGKILL");
            await storm.ended;
          }),
        );
      }
      for (const storm of storms) expect(storm.errors.join(""), storm.name).toBe("");

      for (let number = 0; number < SESSIONS; number++) {
        const found = await store.read(idOf(number), call());
        assert.ok(found, "a session that nobody deleted is there");
        let version = 1;
        for (const storm of storms) {
          const kept = Number(found.fields[storm.name] ?? "0");
          const acknowledged = told(storm, "set").get(number) ?? 0;
          const tried = told(storm, "try").get(number) ?? 0;
          assert.ok(kept >= acknowledged, `${storm.name} was told ${acknowledged}, kept is ${kept}`);
          assert.ok(kept <= tried, `${storm.name} tried up to ${tried}, kept is ${kept}`);
          version += kept;
          assert.ok(found.expiresAt >= (told(storm, "touch").get(number) ?? 0), "a touch was lost");
        }
        assert.equal(found.version, version, "each write counted once");
        assert.equal((await store.update(idOf(number), change({ set: { z: "1" } }), call())).kind, "done");
      }

      for (const storm of storms) {
        const created = told(storm, "create");
        const deleted = told(storm, "delete");
        const doomed = told(storm, "trydelete");
        const listed = await store.listByLabel(`worker:${storm.name}`, { limit: 10_000 }, call());
        const ids = new Set<string>(listed.records.map(({ id }) => id));
        for (const number of created.keys()) {
          const found = await store.read(idOf(number), call());
          if (deleted.has(number)) assert.equal(found, null, `${number} came back`);
          if (!doomed.has(number)) assert.ok(found, `${number} was lost`);
          assert.equal(ids.has(idOf(number)), found !== null, "the index agrees with the record");
        }
        const left = await store.deleteByLabel(`worker:${storm.name}`, [], call());
        assert.equal(left, ids.size);
      }

      for (let number = 0; number < SESSIONS; number++) await store.delete(idOf(number), {}, call());
      for (let time = 0; time < 2; time++) await store.sweep(Date.now() + 2 * HOUR, 100_000, call());
      const rest = (await tree(folder.path)).filter((path) => !/^sessions\/[0-9a-f]{2}$/.test(path));
      assert.deepEqual(rest, ["expiry", "format", "labels", "sessions", "temp"]);
    } finally {
      for (const storm of storms) storm.child.kill("SIGKILL");
      await Promise.all(storms.map((storm) => storm.ended));
      await folder.remove();
    }
  },
  60_000,
);
