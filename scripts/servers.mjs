/**
 * The database servers that the tests start, and the browser: finds them, and installs the missing ones where that is possible without
 * asking, as root on Debian or Ubuntu. Elsewhere it says what to install. Nothing is started here, and no service is enabled.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { root } from "./toolchain.mjs";

/** Where servers are unpacked that the system's package manager has no package for. */
const unpacked = join(root, ".toolchain", "servers");

/**
 * What a server is: the programs that the tests run, and where they come from. `install` is a package of the system's
 * own release; `unpack` lists packages, the first that can be had is taken, with all that it needs, into a folder of
 * ours, so that it gets in nobody's way: MySQL and MariaDB cannot both be installed.
 */
const SERVERS = {
  redis: { programs: ["redis-server", "redis-cli"], install: "redis-server" },
  postgres: { programs: ["postgres", "initdb"], install: "postgresql" },
  pgbouncer: { programs: ["pgbouncer"], install: "pgbouncer" },
  mariadb: { programs: ["mariadbd", "mariadb-install-db"], install: "mariadb-server" },
  valkey: {
    programs: ["valkey-server", "valkey-cli"],
    unpack: [
      { packages: ["valkey-server", "valkey-tools"], release: "own" },
      { packages: ["valkey-server", "valkey-tools"], release: "backports" },
    ],
  },
  mysql: {
    programs: ["mysqld"],
    unpack: [
      { packages: ["mysql-server-core-8.0"], release: "own" },
      { packages: ["mysql-server-core-8.4"], release: "own" },
      { packages: ["mysql-server-core"], release: "sid" },
    ],
  },
  chromium: { programs: ["chromium"], install: "chromium" },
};

const DATABASES = Object.keys(SERVERS).filter((name) => name !== "chromium");

/** Installs the database servers that are missing, as far as that is possible, and says what could not be had. */
export function prepareServers(environment) {
  provide(DATABASES, environment);
}

/** The same for the browser that walks through the examples. */
export function prepareBrowser(environment) {
  provide(["chromium"], environment);
}

function provide(names, environment) {
  const missing = missingOf(names);
  if (missing.length === 0) return;
  if (canInstall()) {
    console.log(`Installing for the tests: ${missing.join(", ")} ...`);
    install(missing, environment);
  }
  for (const name of missingOf(names)) console.error(advice(name));
}

/** The path of a server's program, or `undefined` when there is none. */
export function findProgram(server, program) {
  const own = join(unpacked, server, "bin");
  // The name mysqld may be MariaDB's, so MySQL is looked for in our own folder alone, or where the environment says.
  const chosen = process.env[`HOLDFAST_${server.toUpperCase()}_BIN`];
  const folders = chosen
    ? [chosen]
    : SERVERS[server].unpack && server === "mysql"
      ? [own]
      : [own, ...usual()];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

function missingOf(names) {
  return names.filter((name) =>
    SERVERS[name].programs.some((program) => findProgram(name, program) === undefined),
  );
}

function usual() {
  const path = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return [...postgresFolders(), ...path, "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"];
}

/** Debian keeps the programs of each major version of PostgreSQL in a folder of its own; the newest comes first. */
function postgresFolders() {
  const versions = "/usr/lib/postgresql";
  if (!existsSync(versions)) return [];
  const newestFirst = readdirSync(versions).sort((one, other) => Number(other) - Number(one));
  return newestFirst.map((version) => join(versions, version, "bin"));
}

function advice(name) {
  const { install: wanted, unpack } = SERVERS[name];
  const what = wanted ?? unpack.map(({ packages }) => packages[0]).join(" or ");
  return (
    `MISSING: ${name}. The suites that need it cannot run, and fail when CI=true. Install it (on Debian and Ubuntu the package ` +
    `${what}), or set HOLDFAST_${name.toUpperCase()}_BIN to the folder of its programs.`
  );
}

function canInstall() {
  return process.platform === "linux" && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
}

function install(missing, environment) {
  const quiet = { ...environment, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const packages = missing.map((name) => SERVERS[name].install).filter((name) => name !== undefined);
  if (packages.length > 0) {
    apt(["update"], quiet);
    const { status, stderr } = apt(["install", "-y", "--no-install-recommends", ...packages], quiet);
    if (status !== 0) console.error(stderr);
  }
  for (const name of missing.filter((each) => SERVERS[each].unpack)) unpack(name, quiet);
}

/** Takes the first choice that can be had. A failure is told by {@link advice}, when the program is still not there. */
function unpack(name, environment) {
  const folder = join(unpacked, name);
  for (const choice of SERVERS[name].unpack) {
    rmSync(folder, { recursive: true, force: true });
    if (downloaded(folder, choice, environment)) return wrap(folder, SERVERS[name].programs);
  }
}

/** Downloads packages with everything that they depend on, as if nothing were installed, and unpacks them. */
function downloaded(folder, { packages, release }, environment) {
  const sources = sourcesOf(release);
  if (sources === undefined) return false;
  const apart = join(folder, "apt");
  for (const part of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(apart, part), { recursive: true });
  writeFileSync(join(apart, "sources.list"), sources);
  writeFileSync(join(apart, "status"), "");
  const settings = [
    `Dir::Etc::SourceList=${apart}/sources.list`,
    "Dir::Etc::SourceParts=/dev/null",
    `Dir::State::lists=${apart}/lists`,
    `Dir::State::status=${apart}/status`,
    `Dir::Cache=${apart}/cache`,
    "APT::Sandbox::User=root",
  ].flatMap((setting) => ["-o", setting]);
  if (apt([...settings, "update"], environment).status !== 0) return false;
  const wanted = ["install", "-y", "--download-only", "--no-install-recommends", ...packages];
  if (apt([...settings, ...wanted], environment).status !== 0) return false;
  const archives = join(apart, "cache", "archives");
  for (const file of readdirSync(archives).filter((each) => each.endsWith(".deb")))
    spawnSync("dpkg-deb", ["-x", join(archives, file), join(folder, "root")], { stdio: "inherit" });
  rmSync(apart, { recursive: true, force: true });
  return true;
}

/** The system's own package sources, for this release, its backports, or Debian's sid. */
function sourcesOf(release) {
  const system = Object.fromEntries(
    readFileSync("/etc/os-release", "utf8")
      .split("\n")
      .map((line) => line.split("=").map((part) => part.replaceAll('"', ""))),
  );
  const codename = system.VERSION_CODENAME;
  if (release !== "own" && system.ID !== "debian") return undefined;
  const own = ownSource(codename);
  if (own === undefined) return undefined;
  const lineFor = (suite) => `deb ${own.options}${own.mirror} ${suite} main\n`;
  const ubuntu = system.ID === "ubuntu" ? `deb ${own.options}${own.mirror} ${codename} universe\n` : "";
  if (release === "own") return lineFor(codename) + ubuntu;
  // Backports need what they build on; sid is complete.
  return release === "backports" ? lineFor(codename) + lineFor(`${codename}-backports`) : lineFor("sid");
}

/** The mirror that this machine takes its release from, in either of the formats that apt reads. */
function ownSource(codename) {
  const parts = "/etc/apt/sources.list.d";
  const files = [
    "/etc/apt/sources.list",
    ...(existsSync(parts) ? readdirSync(parts).map((file) => join(parts, file)) : []),
  ];
  for (const file of files.filter((path) => existsSync(path))) {
    const text = readFileSync(file, "utf8");
    const line = new RegExp(`^deb (\\[[^\\]]*\\] )?(\\S+) ${codename} .*\\bmain\\b`, "m").exec(text);
    if (line !== null) return { mirror: line[2], options: line[1] ?? "" };
    for (const stanza of text.split(/\n\s*\n/)) {
      const value = (field) => new RegExp(`^${field}:\\s*(.+)$`, "mi").exec(stanza)?.[1]?.trim();
      if (!value("Suites")?.split(/\s+/).includes(codename)) continue;
      const key = value("Signed-By");
      return { mirror: value("URIs")?.split(/\s+/)[0], options: key ? `[signed-by=${key}] ` : "" };
    }
  }
  return undefined;
}

/** Makes each program startable where it lies, with the libraries that came along instead of the system's. */
function wrap(folder, programs) {
  const from = join(folder, "root");
  const libraries = join(from, "usr", "lib");
  const triplet = readdirSync(libraries).find((name) => name.endsWith("-linux-gnu")) ?? "";
  const places = ["lib64", "lib", "usr/lib64", "usr/lib", `lib/${triplet}`, `usr/lib/${triplet}`].map(
    (place) => join(from, place),
  );
  const loader = places
    .filter((place) => existsSync(place))
    .flatMap((place) => readdirSync(place).map((file) => join(place, file)))
    .find((path) => /\/ld-linux[^/]*\.so\.\d+$/.test(path) && existsSync(path));
  if (loader === undefined) return;
  mkdirSync(join(folder, "bin"), { recursive: true });
  for (const program of programs) {
    const file = ["usr/bin", "usr/sbin"]
      .map((place) => join(from, place, program))
      .find((path) => existsSync(path));
    if (file === undefined) continue;
    const path = places
      .slice(4)
      .concat(join(libraries, triplet, "private"))
      .join(":");
    const script = `#!/bin/sh\nexec "${loader}" --library-path "${path}" --argv0 "${file}" "${file}" "$@"\n`;
    writeFileSync(join(folder, "bin", program), script, { mode: 0o755 });
  }
}

function apt(args, environment) {
  return spawnSync("apt-get", ["-q", ...args], { env: environment, encoding: "utf8" });
}
