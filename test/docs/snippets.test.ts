import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Block, blocksOf, preludeOf, ROOT, taughtPages } from "./pages.ts";

const FOLDER = join(ROOT, "test/docs/.snippets");
const BLOCKS = taughtPages().flatMap(blocksOf);
/** What stands in a file is compiled there: it may need a framework that is installed beside that file alone. */
const EXAMPLES = BLOCKS.filter((block) => block.language === "ts" && block.file === undefined);

/** The modules of a SvelteKit application, which its own tools make or find. */
const SVELTEKIT = `
declare module "$app/environment" {
  export const building: boolean;
}
declare module "$lib/server/sessions" {
  export interface Data {
    cart: string[];
  }
  export const sessions: import("holdfast/adapters/sveltekit").SvelteKitSessions<import("holdfast").Session<Data>>;
}
`;

/** Packages of others that have no types of their own. */
const UNTYPED = `
declare module "session-file-store" {
  export default function fileStore(session: unknown): new (options: object) => import("express-session").Store;
}
declare module "better-sqlite3-session-store" {
  export default function sqliteStore(session: unknown): new (options: object) => import("express-session").Store;
}
`;

/** Each example lies in its file at the line that it has on its page, so that the compiler's errors point there. */
function fileOf({ page, line }: Block): string {
  return `${page.replaceAll("/", "__").replace(/\.md$/, "")}__${line}.ts`;
}

function isWhole({ code }: Block): boolean {
  return /^import .*from "holdfast/m.test(code);
}

/** An example that asserts something, or registers tests with Node's own runner, is run as well. */
function isRunnable({ code }: Block): boolean {
  return /from "node:(assert|test)/.test(code);
}

function write(block: Block): void {
  const shift = "\n".repeat(block.line - 1);
  const rest = isWhole(block) ? "export {};" : `${preludeOf(block.page)}\nexport {};`;
  writeFileSync(join(FOLDER, fileOf(block)), `${shift}${block.code}\n${rest}\n`);
}

beforeAll(() => {
  if (!existsSync(join(ROOT, "dist/index.js"))) {
    throw new Error("The examples import the built package, and dist is missing. Run: npm run build");
  }
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER);
  const compilerOptions = {
    noEmit: true,
    // The package's own name leads to what is published, and not to the sources.
    lib: ["ES2023", "DOM"],
    noUnusedLocals: false,
    noUnusedParameters: false,
  };
  const config = { extends: "../../../tsconfig.base.json", compilerOptions, include: ["./*.ts"] };
  writeFileSync(join(FOLDER, "tsconfig.json"), JSON.stringify(config));
  writeFileSync(join(FOLDER, "sveltekit.d.ts"), SVELTEKIT);
  writeFileSync(join(FOLDER, "untyped.d.ts"), UNTYPED);
  for (const block of EXAMPLES) write(block);
});

afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

describe("the examples of the pages", () => {
  test("are there", () => {
    expect(EXAMPLES.length).toBeGreaterThan(40);
    expect(new Set(EXAMPLES.map(({ page }) => page)).size).toBeGreaterThan(8);
  });

  for (const { page, line, file = "", code } of BLOCKS.filter((block) => block.file !== undefined)) {
    test(`in ${page}, line ${line}, stands in ${file} as it is`, () => {
      expect(readFileSync(join(ROOT, file), "utf8")).toContain(code);
    });
  }

  test("compile against the built package", { timeout: 120_000 }, () => {
    const tsc = join(ROOT, "node_modules/.bin/tsc");
    const { stdout, stderr } = spawnSync(tsc, ["-p", join(FOLDER, "tsconfig.json"), "--pretty", "false"], {
      cwd: FOLDER,
      encoding: "utf8",
    });
    const errors = `${stdout}${stderr}`.trim();
    // `docs__guide__42.ts(45,3)` is line 45 of docs/guide.md.
    expect(
      errors.replace(
        /^(\S+?)__\d+\.ts\((\d+),\d+\)/gm,
        (_all, page: string, line: string) => `${basename(page).replaceAll("__", "/")}.md:${line}`,
      ),
    ).toBe("");
  });

  for (const block of EXAMPLES.filter(isRunnable)) {
    test(`in ${block.page}, line ${block.line}, does what it asserts`, { timeout: 120_000 }, async () => {
      const { code, output } = await ran(join(FOLDER, fileOf(block)));
      expect(code, output).toBe(0);
    });
  }
});

function ran(file: string): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { cwd: FOLDER, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (text: Buffer) => (output += text.toString()));
    child.stderr.on("data", (text: Buffer) => (output += text.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}
