/**
 * `node scripts/check-layout.mjs`: one name for one thing. A store or an adapter is a source file, an export, a test and
 * a doc page of the same name; every export exists; every doc page of a kind has the same headings.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./toolchain.mjs";

const HEADINGS = {
  stores: ["Install", "Use", "Schema", "Expiry", "Cost per request", "Failure", "Limits"],
  adapters: ["Install", "Use", "Errors", "Streaming", "Limits"],
  bridges: ["Install", "Use", "What becomes better", "What differs", "Failure", "Limits"],
};

const problems = [];
const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

for (const [kind, headings] of Object.entries(HEADINGS)) {
  const names = readdirSync(join(root, "src", kind))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -3));
  for (const name of names) {
    expect(
      exports[`./${kind}/${name}`] === `./dist/${kind}/${name}.js`,
      `package.json exports no ./${kind}/${name}`,
    );
    expect(
      existsSync(join(root, `test/${kind}/${name}.test.ts`)) ||
        existsSync(join(root, `test/frameworks/${name}/${name}.test.ts`)) ||
        existsSync(join(root, `test/runtimes/${name}.test.ts`)),
      `test/${kind}/${name}.test.ts is missing, and so are test/frameworks/${name}/${name}.test.ts and test/runtimes/${name}.test.ts`,
    );
    expectFile(`docs/${kind}/${name}.md`);
    checkHeadings(`docs/${kind}/${name}.md`, headings);
  }
}

for (const [path, target] of Object.entries(exports)) {
  expect(!path.includes("*"), `package.json: the export ${path} is a wildcard`);
  if (target.startsWith("./dist/")) expectFile(target.replace("./dist/", "src/").replace(/\.js$/, ".ts"));
}

for (const problem of problems) console.error(problem);
if (problems.length === 0) console.log("Names agree.");
process.exitCode = problems.length === 0 ? 0 : 1;

function expectFile(path) {
  expect(existsSync(join(root, path)), `${path} is missing`);
}

function checkHeadings(path, headings) {
  if (!existsSync(join(root, path))) return;
  const found = [...readFileSync(join(root, path), "utf8").matchAll(/^## (.+)$/gm)].map((match) => match[1]);
  expect(
    found.join() === headings.join(),
    `${path} has the headings ${found.join(", ")}; they should be ${headings.join(", ")}`,
  );
}

function expect(holds, problem) {
  if (!holds) problems.push(problem);
}
