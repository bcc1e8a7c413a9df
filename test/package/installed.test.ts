import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OLDEST, oldestNode } from "./oldest-node.ts";
import { demandBuild, PATHS, ROOT, specifierOf } from "./package-json.ts";

const SPECIFIERS = [...PATHS.map(specifierOf), "holdfast/package.json"];
const node20 = oldestNode();
let folder = "";
let project = "";

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program without blocking the test runner, which would take a silent worker for a dead one. */
function ran(program: string, args: readonly string[], cwd: string): Promise<Ran> {
  // What a test runner puts into the environment is not what users have.
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...environment } = process.env;
  const env = { ...environment, NODE_ENV: "development", npm_config_cache: join(folder, "cache") };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
    child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
}

/** Runs a program in the project that installed the package, and gives what it printed as JSON. */
async function printed(node: string, name: string, code: string): Promise<unknown> {
  writeFileSync(join(project, name), code);
  const { status, stdout, stderr } = await ran(node, [name], project);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

beforeAll(async () => {
  demandBuild();
  folder = mkdtempSync(join(tmpdir(), "holdfast-package-"));
  project = join(folder, "project");
  mkdirSync(project);
  const packed = await ran(
    "npm",
    ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder],
    ROOT,
  );
  expect(packed.status, packed.stderr).toBe(0);
  const tarball = readdirSync(folder).find((file) => file.endsWith(".tgz"));
  writeFileSync(join(project, "package.json"), '{ "name": "its-user", "private": true }\n');
  const flags = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund"];
  const installed = await ran("npm", ["install", ...flags, join(folder, String(tarball))], project);
  expect(installed.status, installed.stderr).toBe(0);
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An adapter that uses its framework at run time cannot be loaded without it, and Node says which it is. */
const MISSING = `
function missing(error) {
  const found = /Cannot find package '([^']+)'/.exec(error.message);
  if (found === null) throw error;
  return "needs " + found[1];
}
`;

const IMPORTS = `
${MISSING}
const names = {};
// Where a module says what "require" gives, that is what its default import is.
const givenBy = (module) => Object.keys(module["module.exports"] ?? module).sort();
for (const specifier of ${JSON.stringify(PATHS.map(specifierOf))})
  names[specifier] = await import(specifier).then(givenBy, missing);
console.log(JSON.stringify(names));
`;

const REQUIRES = `
${MISSING}
const names = {};
for (const specifier of ${JSON.stringify(SPECIFIERS)}) {
  try {
    names[specifier] = Object.keys(require(specifier)).filter((name) => name !== "__esModule" && name !== "module.exports").sort();
  } catch (error) {
    names[specifier] = missing(error);
  }
}
console.log(JSON.stringify(names));
`;

/** What the adapters of frameworks need that leave no other way. */
const NEEDS = {
  "holdfast/federation": "needs jose",
  "holdfast/adapters/nestjs": "needs @nestjs/common",
  "holdfast/adapters/next": "needs next",
};

type Names = Record<string, string | string[]>;

/** What every runtime must make of the installed package. */
function worksOn(node: string): void {
  test("the program runs, as npx starts it, without any other package", async () => {
    const holdfast = (...args: string[]) => ran(node, ["node_modules/.bin/holdfast", ...args], project);
    expect((await holdfast("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await holdfast("setup", "file:sessions/")).toMatchObject({ status: 0, stderr: "" });
    expect(await holdfast("list", "file:sessions/")).toMatchObject({ status: 0, stdout: "No sessions.\n" });
    expect(await holdfast("stats", "file:sessions/", "--json")).toMatchObject({ status: 0 });
    expect(await holdfast("doctor", "file:sessions/")).toMatchObject({ status: 0, stderr: "" });
    const moved = await holdfast("migrate", "file:sessions/", "file:other/", "--yes");
    expect(moved).toMatchObject({ status: 0, stderr: "" });
    expect(await holdfast("list", "postgres://localhost/shop")).toMatchObject({
      status: 4,
      stderr: expect.stringContaining("npm install pg") as string,
    });
  });

  test("the program uses the drivers of the project in whose folder it is started", async () => {
    const elsewhere = join(project, "elsewhere");
    mkdirSync(join(elsewhere, "node_modules/pg"), { recursive: true });
    const driver =
      "exports.Pool = class { constructor() { throw new Error('the driver of the project'); } };";
    writeFileSync(join(elsewhere, "node_modules/pg/index.js"), driver);
    const started = await ran(
      node,
      [join(project, "node_modules/.bin/holdfast"), "list", "postgres://localhost/shop"],
      elsewhere,
    );
    expect(started.stderr).toContain("the driver of the project");
    rmSync(elsewhere, { recursive: true });
  });

  test("every export path can be imported, and required from CommonJS, with the same names", async () => {
    const imported = (await printed(node, "imports.mjs", IMPORTS)) as Names;
    const required = (await printed(node, "requires.cjs", REQUIRES)) as Names;
    expect(Object.keys(imported)).toEqual(PATHS.map(specifierOf));
    expect(imported["holdfast"]).toContain("SessionManager");
    expect(required["holdfast/package.json"]).toContain("exports");
    delete required["holdfast/package.json"];
    expect(required).toEqual(imported);
    const needing = Object.entries(imported).filter(([, names]) => typeof names === "string");
    expect(Object.fromEntries(needing)).toEqual(NEEDS);
  });
}

describe("the packed package, installed", () => {
  worksOn(process.execPath);

  test("brings what was built, its sources for whoever steps into them, and no test", () => {
    const files = readdirSync(join(project, "node_modules/holdfast"), { recursive: true }).map(String);
    expect(files).toContain("dist/index.js");
    expect(files).toContain("dist/index.d.ts");
    expect(files).toContain("src/index.ts");
    expect(files).toContain("LICENSE");
    expect(files).toContain("README.md");
    expect(files.filter((file) => /\.test\.|^test|^examples|^node_modules|\.db/.test(file))).toEqual([]);
  });

  test("npx finds the program", async () => {
    const { status, stdout, stderr } = await ran("npx", ["--offline", "holdfast", "--help"], project);
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^Usage: holdfast/);
  });

  test("the program holds what it needs of others, with their licences, and imports nothing of them", () => {
    const dist = join(project, "node_modules/holdfast/dist");
    const parts = readdirSync(join(dist, "cli")).filter((file) => file.endsWith(".js"));
    const sources = ["cli.js", ...parts.map((file) => `cli/${file}`)].map((file) =>
      readFileSync(join(dist, file), "utf8"),
    );
    const specifiers = sources.flatMap((text) =>
      [...text.matchAll(/^(?:import|export) .*?from "([^"]+)";$|\bimport\("([^"]+)"\)/gm)].map(
        ([, fixed, lazy]) => fixed ?? lazy ?? "",
      ),
    );
    expect(specifiers.filter((specifier) => !/^(?:node:|\.\.?\/)/.test(specifier))).toEqual([]);
    const licences = readFileSync(join(dist, "cli-licences.txt"), "utf8");
    for (const name of ["cli-progress", "cli-table3", "commander", "picocolors", "string-width"])
      expect(licences).toMatch(new RegExp(`^${name} \\d[^\\n]*\\((MIT|ISC)\\)`, "m"));
  });

  test("brings no other package along", () => {
    const packages = readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."));
    expect(packages).toEqual(["holdfast"]);
  });
});

const CONTRACT = `
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { directoryStore } from "holdfast/stores/directory";
import { memoryStore } from "holdfast/stores/memory";
import { storeContract } from "holdfast/testing";

const shared = { labels: true, iterate: true, sweep: true, setup: true, dispose: true };
const damage = "tried on the newest Node";

storeContract({ test, describe }, {
  name: "memory",
  open: async () => {
    const store = memoryStore();
    return { store, close: () => store.close() };
  },
  abilities: { ...shared, subscribe: true, damage, "second handle": "one process", processes: "one process" },
});

function opened(folder, owned) {
  const store = directoryStore(folder);
  return {
    store,
    async close() {
      await store.close();
      if (owned) rmSync(folder, { recursive: true, force: true });
    },
    openAgain: async () => opened(folder, false),
    worker: {
      module: new URL(import.meta.resolve("holdfast/stores/directory")),
      export: "directoryStore",
      location: folder,
    },
  };
}

storeContract({ test, describe }, {
  name: "directory",
  async open() {
    const one = opened(mkdtempSync(join(tmpdir(), "holdfast-node20-")), true);
    await one.store.setup({ signal: new AbortController().signal });
    return one;
  },
  abilities: { ...shared, subscribe: "files tell nobody", damage, "second handle": true, processes: true },
  effort: 0.05,
});
`;

interface Thrown {
  readonly code: string;
  readonly message: string;
}

const WITHOUT_DRIVER = `
import { sqliteStore } from "holdfast/stores/sqlite";
try {
  sqliteStore("sessions.db");
  console.log(JSON.stringify({ code: "none" }));
} catch ({ code, message }) {
  console.log(JSON.stringify({ code, message }));
}
`;

if (node20 === null) {
  const reason = `no Node ${OLDEST} on this machine; name one by HOLDFAST_NODE20`;
  console.warn(`\n!!! The built package was NOT tried on Node ${OLDEST}: ${reason}. !!!\n`);
  test.skip(`the installed package works on Node ${OLDEST} [not tried: ${reason}]`, () => undefined);
} else {
  describe(`the installed package on Node ${OLDEST}`, () => {
    worksOn(node20);

    test(
      "keeps the store contract, memory and directory, under its own test runner",
      { timeout: 300_000 },
      async () => {
        writeFileSync(join(project, "contract.mjs"), CONTRACT);
        const { status, stdout, stderr } = await ran(
          node20,
          ["--test-reporter=tap", "contract.mjs"],
          project,
        );
        expect(stdout.match(/^ *not ok .*$/gm) ?? [], stderr).toEqual([]);
        expect(status, stderr).toBe(0);
        expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(250);
      },
    );

    test("names the command that installs a driver when there is none for the SQLite store", async () => {
      const thrown = (await printed(node20, "sqlite.mjs", WITHOUT_DRIVER)) as Thrown;
      expect(thrown.code).toBe("ERR_SESSION_CONFIG");
      expect(thrown.message).toContain("npm install better-sqlite3");
    });
  });
}
