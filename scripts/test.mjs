/**
 * `npm test`: sets up, builds, and runs every suite; `npm test -- test/core` runs a part. The last line printed is
 * "N passed, N failed", with the skipped ones where there are any.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "./build.mjs";
import { prepareServers } from "./servers.mjs";
import { prepare, run, tool } from "./toolchain.mjs";

const environment = prepare();
prepareServers(environment);
// The suites of the package run what was built.
const status = build(environment) || test();
process.exitCode = status;

function test() {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  const report = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const code = run(tool("vitest"), ["run", ...reporters, ...process.argv.slice(2)], environment);
  const counts = countsOf(report);
  rmSync(folder, { recursive: true, force: true });
  console.log(line(counts, code));
  // A suite that could not run, or an error outside every test, is a failure too.
  return code || counts.failed;
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
