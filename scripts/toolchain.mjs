/**
 * What every script of this repository needs before it can do its work: a Node that runs the tools, and the
 * dependencies of the lock file. Runs on Node 20.19, with nothing installed.
 */
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The library supports Node 20.19; the tools that build and test it want this one. */
const TOOLS_NODE = "24.21.0";
const toolchain = join(root, ".toolchain");

/** Makes everything ready and returns the environment to run tools in. */
export function prepare() {
  const environment = nodeEnvironment();
  installDependencies(environment);
  return environment;
}

/** Runs a program, shows what it prints, and returns its exit code. */
export function run(program, args, environment, options = {}) {
  const done = spawnSync(program, args, { cwd: root, env: environment, stdio: "inherit", ...options });
  if (done.error !== undefined) fail(`${program} did not start: ${done.error.message}`);
  return done.status ?? 1;
}

/** The path of a program that a dependency brought. */
export function tool(name) {
  return join(root, "node_modules", ".bin", process.platform === "win32" ? `${name}.cmd` : name);
}

function nodeEnvironment() {
  if (Number(process.versions.node.split(".")[0]) >= Number(TOOLS_NODE.split(".")[0]))
    return { ...process.env };
  const bin = installedNode();
  return { ...process.env, PATH: `${bin}${process.platform === "win32" ? ";" : ":"}${process.env.PATH}` };
}

function installedNode() {
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const bin = join(toolchain, "node_modules", name, "bin");
  const node = join(bin, process.platform === "win32" ? "node.exe" : "node");
  if (versionOf(node) === `v${TOOLS_NODE}`) return bin;

  console.log(
    `This is Node ${process.versions.node}; the tools want ${TOOLS_NODE}. Installing it into .toolchain ...`,
  );
  mkdirSync(toolchain, { recursive: true });
  writeFileSync(join(toolchain, "package.json"), '{ "private": true }\n');
  // The platform package itself: the plain `node` package fetches it by an install script, outside any lock.
  npm(
    ["install", "--ignore-scripts", "--no-save", "--no-package-lock", `${name}@${TOOLS_NODE}`],
    process.env,
    toolchain,
  );
  const version = versionOf(node);
  if (version !== `v${TOOLS_NODE}`)
    fail(`${name}@${TOOLS_NODE} was installed, but its version reads ${version}.`);
  return bin;
}

function versionOf(node) {
  if (!existsSync(node)) return "not there";
  return spawnSync(node, ["--version"], { encoding: "utf8" }).stdout?.trim() ?? "unreadable";
}

/** Installs what the lock file says, when it changed since the last time. */
function installDependencies(environment) {
  const stamp = join(root, "node_modules", ".lock-stamp");
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  console.log("Installing dependencies ...");
  // Nothing here needs an install script: what is compiled comes prebuilt in its package.
  npm(["ci", "--ignore-scripts", "--loglevel=error"], environment, root);
  writeFileSync(stamp, wanted);
}

function npm(args, environment, cwd) {
  const windows = process.platform === "win32";
  const status = run(windows ? "npm.cmd" : "npm", args, environment, { cwd, shell: windows });
  if (status !== 0) fail(`npm ${args[0]} failed. Is the package registry reachable?`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
