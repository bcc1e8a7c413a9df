/**
 * The projects inside this repository that have dependencies of their own: examples upon a framework that is too heavy for everyday,
 * and what tries an adapter on the versions of its framework. A project is a folder with a lock file. Each gets what its lock
 * says, and the package as it was built just now, as its users get it.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./toolchain.mjs";

/** What a user of the package gets. */
const PACKED = ["package.json", "dist", "src"];

/** The folders of all projects, relative to the repository. */
export function projects() {
  const frameworks = subfolders("test/frameworks").flatMap(subfolders);
  return ["test/runtimes", ...subfolders("examples"), ...frameworks].filter((folder) =>
    existsSync(join(root, folder, "package-lock.json")),
  );
}

function subfolders(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "node_modules")
    .map((entry) => `${folder}/${entry.name}`);
}

/** How many are installed at the same time: an installation waits for the network more than it works. */
const AT_ONCE = 3;

/** Makes every project ready whose folder the filter takes. */
export async function prepareProjects(environment, filter = () => true) {
  const waiting = projects().filter(filter);
  const next = async () => {
    for (let folder = waiting.shift(); folder !== undefined; folder = waiting.shift())
      await prepareProject(folder, environment);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

/** Installs what the project's lock says, when it changed since the last time, and the built package. */
export async function prepareProject(folder, environment) {
  const path = join(root, folder);
  const stamp = join(path, "node_modules", ".lock-stamp");
  const wanted = createHash("sha256")
    .update(readFileSync(join(path, "package-lock.json")))
    .digest("hex");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
    console.log(`Installing ${folder} ...`);
    await install(path, environment);
    writeFileSync(stamp, wanted);
  }
  const own = join(path, "node_modules", "holdfast");
  // It may be a link to this repository, which bundlers follow out of the project.
  rmSync(own, { recursive: true, force: true });
  for (const part of PACKED) cpSync(join(root, part), join(own, part), { recursive: true });
}

function install(path, environment) {
  const windows = process.platform === "win32";
  const args = ["ci", "--ignore-scripts", "--loglevel=error"];
  const child = spawn(windows ? "npm.cmd" : "npm", args, { cwd: path, env: environment, shell: windows });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (printed += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`npm ci failed in ${path}:\n${printed}`)),
    );
  });
}
