import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, test } from "vitest";
import type { StoreTraits } from "../../src/core/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import {
  checkStore,
  storeContract,
  storeRules,
  type OpenedStore,
  type StoreRule,
  type StoreSubject,
} from "../../src/testing/index.ts";
import { defects, harmed } from "./defects.ts";
import { memorySubject } from "./memory-subject.ts";

async function brokenBy(open: StoreSubject["open"]): Promise<string[]> {
  const outcomes = await checkStore({ ...memorySubject(open), effort: 0.2 });
  return outcomes.flatMap(({ kind, rule }) => (kind === "broken" ? [rule.name] : []));
}

async function openSound(): Promise<OpenedStore> {
  const store = memoryStore();
  return { store, close: () => store.close() };
}

describe("the store contract notices when", () => {
  for (const defect of defects) {
    test(defect.name, async () => {
      const broken = await brokenBy(async () => ({ store: harmed(defect), close: async () => {} }));
      assert.ok(
        broken.includes(defect.caughtBy),
        `"${defect.caughtBy}" must notice; noticed by: ${broken.join(" | ")}`,
      );
    });
  }
});

describe("the store contract has a store that processes share tried from several", () => {
  const rule = "traits are told, and a store shared between processes is tried from processes";

  function promising(traits: Partial<StoreTraits>): StoreSubject["open"] {
    return async () => {
      const { store, close } = await openSound();
      return {
        store: Object.defineProperty(store, "traits", { value: { ...store.traits, ...traits } }),
        close,
      };
    };
  }

  test("unless it says that its conditions hold within one process alone", async () => {
    assert.ok((await brokenBy(promising({ shared: true }))).includes(rule));
    assert.ok((await brokenBy(promising({ shared: true, conditions: "engine" }))).includes(rule));
    assert.ok((await brokenBy(promising({ shared: true, conditions: "some" as never }))).includes(rule));
    assert.ok(!(await brokenBy(promising({ shared: true, conditions: "process" }))).includes(rule));
  });
});

describe("the store contract finds nothing wrong with a sound store", () => {
  test("by the usual seed", async () => {
    assert.deepEqual(await brokenBy(openSound), []);
  });

  test("by others", async () => {
    const rules = storeRules.filter((rule) => rule.group !== "hostile values");
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const outcomes = await checkStore({ ...memorySubject(openSound), effort: 0.3, seed }, rules);
      assert.deepEqual(
        outcomes.filter(({ kind }) => kind === "broken"),
        [],
      );
    }
  });
});

describe("the rules", () => {
  test("each have a name of their own", () => {
    const names = storeRules.map((rule) => rule.name);
    assert.deepEqual(names, [...new Set(names)]);
  });

  test("cover every race of the catalogue that a store can see", () => {
    const covered = new Set(storeRules.flatMap((rule) => rule.races));
    // All of the catalogue but 18, which is the core's failure policy.
    const seen = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20];
    assert.deepEqual(
      seen.filter((race) => !covered.has(race)),
      [],
    );
  });
});

describe("a subject", () => {
  test("that lacks an ability has each rule that needs it skipped, with the reason in the name", () => {
    const { skipped, registered, printed } = register({ sweep: "the engine does it" });
    const needing = storeRules.filter((rule) => rule.needs.includes("sweep"));
    assert.equal(skipped.filter((name) => name.includes("the engine does it")).length, needing.length);
    assert.equal(skipped.length + registered.length, storeRules.length);
    assert.ok(printed.includes("store contract: memory: no sweep: the engine does it"));
  });

  test("whose runner cannot skip has the reason in the name of a test of its own", () => {
    const names: string[] = [];
    storeContract({ test: (name) => names.push(name), print: () => {} }, memorySubject(openSound));
    assert.equal(names.length, storeRules.length);
    assert.ok(
      names.some((name) => name.includes("does not apply: no processes: the memory of a process is its own")),
    );
  });

  test("that claims an ability which the store lacks fails, and so does one that conceals an ability", async () => {
    const rule = ruleNamed("an ability is there when it is claimed, and absent when its lack is declared");
    const { sweep: _sweep, ...rest } = harmed({ plant: () => ({}) });
    const lacking = memorySubject(async () => ({ store: rest, close: async () => {} }));
    assert.equal((await checkStore(lacking, [rule]))[0]?.kind, "broken");
    const sound = memorySubject(openSound);
    const concealing = { ...sound, abilities: { ...sound.abilities, labels: "left out" } };
    assert.equal((await checkStore(concealing, [rule]))[0]?.kind, "broken");
    assert.equal((await checkStore(sound, [rule]))[0]?.kind, "kept");
  });

  test("that claims more than it offers fails", async () => {
    const sound = memorySubject(openSound);
    const boasting = { ...sound, abilities: { ...sound.abilities, "second handle": true as const } };
    const [outcome] = await checkStore(boasting, [ruleNamed("what a subject claims to offer, it offers")]);
    assert.equal(outcome?.kind, "broken");
  });

  test("is closed after a rule also when the store broke it, and the error names store, rule and seed", async () => {
    let open = 0;
    const counting = memorySubject(async () => {
      open += 1;
      return { ...(await openSound()), close: async () => void (open -= 1) };
    });
    const unkept: StoreRule = {
      name: "no store keeps this",
      group: "test",
      needs: [],
      races: [],
      async run({ openAnother }) {
        await openAnother();
        assert.equal(open, 2);
        throw new Error("broken");
      },
    };
    const [outcome] = await checkStore(counting, [unkept]);
    const error = outcome?.kind === "broken" ? String(outcome.error) : "";
    assert.match(error, /memory breaks the rule "no store keeps this" \(seed \d+\): broken/);
    assert.equal(open, 0);
  });
});

describe("under node:test", () => {
  test("a sound store passes", async () => {
    const { code, output } = await nodeTest("sound");
    assert.equal(code, 0, output);
    assert.match(output, /ok \d+ - update: update never creates/);
  });

  test("a store with a defect fails, and the rule is named", async () => {
    const { code, output } = await nodeTest("harmed");
    assert.notEqual(code, 0);
    assert.match(output, /not ok \d+ - update: update never creates/);
  });
});

function ruleNamed(name: string): StoreRule {
  const found = storeRules.find((rule) => rule.name === name);
  assert.ok(found);
  return found;
}

interface Registered {
  readonly skipped: string[];
  readonly registered: string[];
  readonly printed: string[];
}

/** Registers the contract with a runner that only takes notes. */
function register(lacking: Partial<StoreSubject["abilities"]>): Registered {
  const printed: string[] = [];
  const skipped: string[] = [];
  const registered: string[] = [];
  const note = Object.assign((name: string) => void registered.push(name), {
    skip: (name: string) => void skipped.push(name),
  });
  const subject = memorySubject(openSound);
  storeContract(
    { test: note, print: (line) => printed.push(line) },
    { ...subject, abilities: { ...subject.abilities, ...lacking } },
  );
  return { skipped, registered, printed };
}

async function nodeTest(which: "sound" | "harmed"): Promise<{ code: number; output: string }> {
  const file = fileURLToPath(new URL(`fixtures/${which}.ts`, import.meta.url));
  // The child is a test run of its own: it must not take itself for a part of this one.
  const { NODE_TEST_CONTEXT: _context, NODE_OPTIONS: _options, ...env } = process.env;
  const args = ["--test", "--test-reporter=tap", file];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 2 ** 26 });
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout } = error as { readonly code: number; readonly stdout: string };
    return { code, output: stdout };
  }
}
