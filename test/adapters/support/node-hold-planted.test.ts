import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { afterAll, beforeAll, describe, test } from "vitest";

import { type HoldFunction, type Rig, startRig, type World } from "./hold-rig.ts";
import {
  checkAbort,
  checkFailure,
  checkMemory,
  checkSharedArray,
  checkTransparent,
  type ScenarioName,
  SCENARIOS,
} from "./hold-scenarios.ts";

/** A hold as one would write it first: the real one, with a few words changed. */
interface Defect {
  readonly name: string;
  /** File, what stands there once, and what stands there instead. */
  readonly edits: readonly (readonly [file: string, from: string, to: string])[];
  readonly world?: Partial<World>;
  readonly check: (rig: Rig) => Promise<void>;
}

const scenario = (name: ScenarioName): ((rig: Rig) => Promise<void>) => {
  return (rig) => checkTransparent(rig, SCENARIOS[name]);
};

const DEFECTS: readonly Defect[] = [
  {
    name: "writeHead is replayed later, headers and all, and the cookie is lost",
    edits: [
      [
        "node-hold.ts",
        "applyHead(this, args);",
        "this.statusCode = args[0] as number; Object.assign(hold, { head: args });",
      ],
      [
        "node-hold-state.ts",
        "previous.writeHead.call(response, this.#status)",
        "previous.writeHead.apply(response, (this as unknown as { head: unknown[] }).head)",
      ],
    ],
    check: scenario("writeHead with object"),
  },
  {
    name: "drain is emitted on the response, and compression waits for ever",
    edits: [
      [
        "node-hold-state.ts",
        "for (const listener of listeners) listener.call(this.response);",
        "this.response.emit('drain');",
      ],
    ],
    world: { compression: "1.8 outer", highWaterMark: 16 * 1024 * 1024 },
    check: scenario("pipe of a large stream"),
  },
  {
    name: "an implicit header is not absorbed, and compression 1.7 makes it twice",
    edits: [
      [
        "node-hold-facade.ts",
        "response._header = HELD_HEADER;\n  if (!readsHeader)",
        "void HELD_HEADER;\n  if (!readsHeader)",
      ],
      [
        "node-hold.ts",
        'if (hold.phase === "held" || hold.phase === "failed")',
        'if (hold.phase === "held") throw new Error("headers sent"); if (hold.phase === "failed")',
      ],
    ],
    world: { compression: "1.7 inner" },
    check: scenario("write then end"),
  },
  {
    name: "a write goes out before the commit",
    edits: [
      [
        "node-hold.ts",
        'return hold.keep("write", args);',
        "return hold.previous.write.apply(this, [...args]);",
      ],
    ],
    check: scenario("write then end"),
  },
  {
    name: "flushHeaders goes out before the commit",
    edits: [["node-hold.ts", 'if (hold.phase === "held") hold.keep("flushHeaders", []);\n  else', ""]],
    check: scenario("flushHeaders"),
  },
  {
    name: "the commit is not waited for at all",
    edits: [["node-hold-state.ts", "if (pending === undefined) {", "{"]],
    check: scenario("end"),
  },
  {
    name: "the cookie replaces those of the application",
    edits: [
      [
        "node-hold-headers.ts",
        "response.setHeader(name, [...listOf(present), ...listOf(value)]);",
        "response.setHeader(name, value);",
      ],
    ],
    check: scenario("end"),
  },
  {
    name: "the cookie is pushed into an array of the application",
    edits: [
      [
        "node-hold-headers.ts",
        "response.setHeader(name, [...listOf(present), ...listOf(value)]);",
        "(present as string[]).push(value as string);",
      ],
    ],
    check: checkSharedArray,
  },
  {
    name: "a header that end would make is made without its length",
    edits: [["node-hold-state.ts", "if (this.#explicit || response.stream)", "if (response)"]],
    check: scenario("end"),
  },
  {
    name: "a socket destroyed after the end takes the answer with it",
    edits: [["node-hold-destroy.ts", "guard.wanted = true;", "return guard.destroy.call(this, error);"]],
    world: { framework: "Express 4" },
    check: scenario("throw after end"),
  },
  {
    name: "the body is kept without a bound",
    edits: [
      ["node-hold-state.ts", "if (this.#bytes <= HELD_BYTES) return true;", "if (HELD_BYTES) return true;"],
    ],
    check: checkMemory,
  },
  {
    name: "nobody is told to go on",
    edits: [["node-hold-state.ts", "this.#owesDrain = true;", "this.#owesDrain = false;"]],
    world: { compression: "1.8 outer", highWaterMark: 16 * 1024 * 1024 },
    check: scenario("pipe of a large stream"),
  },
  {
    name: "a failed commit is answered with the headers of the answer it replaces",
    edits: [["node-hold-state.ts", "restoreHeaders(response, this.#entry);", "void restoreHeaders;"]],
    check: checkFailure,
  },
  {
    name: "a failed commit is answered with the application's own body",
    edits: [["node-hold-state.ts", "else this.#fail(error, this.#render(error))", "() => this.#release()"]],
    check: checkFailure,
  },
  {
    name: "a client that leaves during the commit is taken for an abandoned response",
    edits: [
      [
        "node-hold-state.ts",
        'if (this.phase === "open" && !this.bypassed) attempt',
        "if (!this.ended) attempt",
      ],
    ],
    check: checkAbort,
  },
];

describe("a hold with a defect is caught:", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-planted-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  for (const [index, defect] of DEFECTS.entries()) {
    test(defect.name, { timeout: 20_000 }, async () => {
      const copy = join(folder, String(index));
      await cp(join(import.meta.dirname, "../../../src/adapters/support"), copy, { recursive: true });
      for (const [file, from, to] of defect.edits) await edit(join(copy, file), from, to);
      const { holdResponse } = (await import(pathToFileURL(join(copy, "node-hold.ts")).href)) as {
        holdResponse: HoldFunction;
      };
      const world: World = {
        protocol: "HTTP/1",
        framework: "bare node",
        compression: "no compression",
        ...defect.world,
      };
      await judge({ ...world }, defect, "sound");
      await judge({ ...world, hold: holdResponse }, defect, "defective");
    });
  }
});

async function judge(world: World, defect: Defect, what: "sound" | "defective"): Promise<void> {
  const rig = await startRig(world);
  const checked = defect.check(rig).then(() => "passed", caught);
  const verdict = what === "sound" ? await checked : await Promise.race([checked, standstill(rig)]);
  await rig.close();
  if (what === "sound") assert.equal(verdict, "passed");
  else assert.match(verdict, /^caught/);
}

function caught(error: unknown): string {
  return `caught: ${String(error)}`;
}

/** So many whole requests were served meanwhile that what has not happened will not happen. */
async function standstill(rig: Rig): Promise<string> {
  for (let count = 0; count < 150; count += 1) await rig.turn();
  return "caught: nothing moves any more";
}

async function edit(path: string, from: string, to: string): Promise<void> {
  const text = await readFile(path, "utf8");
  assert.equal(text.split(from).length, 2, `"${from}" stands once in ${path}`);
  await writeFile(
    path,
    text.replace(from, () => to),
  );
}
