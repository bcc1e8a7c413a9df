import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../package/package-json.ts";
import { type Ran, runIn, type Served, serveIn, withProjects } from "../support/projects.ts";
import { Client } from "./next-client.ts";

const PROJECT = "test/frameworks/next/16.4.6";
const FOLDER = `${PROJECT}/.generated-shells`;
const CLI = join(ROOT, PROJECT, "node_modules/next/dist/bin/next");
const QUIET = { NEXT_TELEMETRY_DISABLED: "1" };

withProjects([PROJECT], () => {
  describe("next with Cache Components", { timeout: 180_000 }, () => {
    let built: Ran;

    beforeAll(async () => {
      const path = join(ROOT, FOLDER);
      rmSync(path, { recursive: true, force: true });
      cpSync(join(ROOT, "test/frameworks/next/shells"), path, { recursive: true });
      cpSync(join(ROOT, "test/frameworks/next/site/lib/kept.js"), join(path, "lib/kept.js"));
      built = await runIn(FOLDER, process.execPath, [CLI, "build"], QUIET);
    }, 300_000);

    test("makes the shell at build time, and what reads the session for each visitor", () => {
      expect(built.code, built.output).toBe(0);
      const file = join(ROOT, FOLDER, ".next/server/app/index.html");
      expect(existsSync(file)).toBe(true);
      const shell = readFileSync(file, "utf8");
      expect(shell).toContain("The shell");
      expect(shell).not.toContain("colour: ");
    });

    for (const command of ["start", "dev"] as const) {
      test(`finds nothing unstable in reading a session: next ${command}`, async () => {
        const folder = mkdtempSync(join(tmpdir(), "holdfast-next-"));
        const server = await serve(command, folder);
        try {
          const client = new Client(server.origin);
          expect(await client.text("/")).toContain("colour: none");
          // The page that is rendered in the answer to an action shows what that did.
          const answer = await client.submit("/", "act", ["blue"]);
          expect(await answer.text()).toContain("colour: blue");
          expect(await client.text("/")).toContain("colour: blue");
          expect(server.output()).not.toMatch(/unstable|Error/);
        } finally {
          await server.close();
          rmSync(folder, { recursive: true, force: true });
        }
      });
    }
  });
});

async function serve(command: "start" | "dev", folder: string): Promise<Served> {
  const args = [CLI, command, "--port", "0", "--hostname", "127.0.0.1"];
  return await serveIn(FOLDER, process.execPath, args, { ...QUIET, FOLDER: folder });
}
