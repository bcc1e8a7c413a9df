/**
 * `npm test`: sets up, builds, and runs every suite; `npm test -- test/core` runs a part, `npm run test:quick` all that need no
 * framework or runtime with an installation of its own. The last line printed is "N passed, N failed", with the skipped ones where there are any.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { build } from "./build.mjs";
import { prepareProjects } from "./projects.mjs";
import { prepareBrowser, prepareServers } from "./servers.mjs";
import { prepare, root, run, tool } from "./toolchain.mjs";

/** The suites whose frameworks and runtimes have installations of their own: a stage by itself, after the others. */
const HEAVY = ["test/frameworks", "test/runtimes", "test/browser"];

/** How much of a failure's message the summary at the end repeats. */
const MESSAGE_LINES = 12;

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
  const failures = [];
  for (const stage of stages) {
    if (stage.heavy) await prepareHeavy();
    const { code: own, counts, failures: found } = suites(stage.args);
    code ||= own;
    for (const name of Object.keys(total)) total[name] += counts[name];
    failures.push(...found);
  }
  // Once more at the end: in a long log what failed in the first stage is far above.
  if (failures.length > 0) console.log(`\nFailed:\n${failures.join("\n")}\n`);
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
  const results = resultsOf(report);
  rmSync(folder, { recursive: true, force: true });
  return { code, ...results };
}

function resultsOf(report) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
      readFileSync(report, "utf8"),
    );
    const failed = testResults.filter((file) => file.status === "failed");
    const broken = failed.filter((file) => file.assertionResults.length === 0).length;
    return {
      counts: {
        passed: numPassedTests,
        failed: numFailedTests + broken,
        skipped: numPendingTests + numTodoTests,
      },
      failures: failed.flatMap(failuresOf),
    };
  } catch {
    return { counts: { passed: 0, failed: 1, skipped: 0 }, failures: [] };
  }
}

/** A file's failures, each with its name and the beginning of what it says. */
function failuresOf(file) {
  const own = file.message ? [{ fullName: "", failureMessages: [file.message] }] : [];
  const tests = file.assertionResults.filter((test) => test.status === "failed");
  return [...own, ...tests].map(({ fullName, failureMessages }) => {
    const message = failureMessages.join("\n").split("\n").slice(0, MESSAGE_LINES);
    return [`  ${relative(root, file.name)} ${fullName}`, ...message.map((text) => `      ${text}`)].join(
      "\n",
    );
  });
}

function line({ passed, failed, skipped }, code) {
  const failures = code !== 0 && failed === 0 ? 1 : failed;
  return `${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
