/**
 * `npm test`: sets up, builds, and runs every suite; `npm test -- test/core` runs a part, `npm run test:quick` all that need no
 * framework or runtime with an installation of its own. The last line printed is "N passed, N failed", with the skipped ones where there are any.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "./build.mjs";
import { prepareProjects } from "./projects.mjs";
import { prepareBrowser, prepareServers } from "./servers.mjs";
import { prepare, root, run, tool } from "./toolchain.mjs";

/** The suites whose frameworks and runtimes have installations of their own: a stage by itself, after the others. */
const HEAVY = ["test/frameworks", "test/runtimes", "test/browser"];

const quick = process.argv[2] === "--quick";
const chosen = process.argv.slice(quick ? 3 : 2);
const stages = stagesOf(chosen, quick);

const environment = prepare();
if (stages.some(({ heavy }) => !heavy)) prepareServers(environment);
// The suites of the package run what was built.
process.exitCode = build(environment) || (await test());

/** What to run: everything in two stages, or what was chosen in one. */
function stagesOf(args, isQuick) {
  const everyday = {
    heavy: false,
    args: [...args, ...HEAVY.flatMap((folder) => ["--exclude", `${folder}/**`])],
  };
  if (isQuick) return [everyday];
  if (args.length > 0)
    return [{ heavy: args.some((arg) => HEAVY.some((folder) => arg.startsWith(folder))), args }];
  return [everyday, { heavy: true, args: HEAVY.filter((folder) => existsSync(join(root, folder))) }];
}

async function test() {
  let code = 0;
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const stage of stages) {
    if (stage.heavy) await prepareHeavy();
    const { code: own, counts } = suites(stage.args);
    code ||= own;
    for (const name of Object.keys(total)) total[name] += counts[name];
  }
  console.log(line(total, code));
  // A suite that could not run, or an error outside every test, is a failure too.
  return code || total.failed;
}

async function prepareHeavy() {
  prepareBrowser(environment);
  await prepareProjects(environment, isWanted);
}

/** Everything, or what the chosen suites of frameworks are about; the runtimes are for several of them. */
function isWanted(project) {
  const names = chosen.flatMap((arg) => /^test\/frameworks\/([^/]+)/.exec(arg)?.[1] ?? []);
  if (names.length === 0 || names.length < chosen.length) return true;
  return project === "test/runtimes" || names.some((name) => project.split("/").includes(name));
}

function suites(args) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  const report = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const code = run(tool("vitest"), ["run", ...reporters, ...args], environment);
  const counts = countsOf(report);
  rmSync(folder, { recursive: true, force: true });
  return { code, counts };
}

function countsOf(report) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
      readFileSync(report, "utf8"),
    );
    const broken = testResults.filter(
      (file) => file.status === "failed" && file.assertionResults.length === 0,
    ).length;
    return {
      passed: numPassedTests,
      failed: numFailedTests + broken,
      skipped: numPendingTests + numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function line({ passed, failed, skipped }, code) {
  const failures = code !== 0 && failed === 0 ? 1 : failed;
  return `${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
