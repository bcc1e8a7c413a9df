/**
 * `node scripts/bundle-cli.mjs`: the program `holdfast`, with the libraries of its command line in it, so that the package
 * needs no other. Everything of our own beside `src/cli` stays outside: it is in the package already. Why: decisions/0018-command-line.md.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { rolldown } from "rolldown";
import { root } from "./toolchain.mjs";

const sources = join(root, "src");
const built = join(root, "dist");
const program = join(sources, "cli");

/** What the program imports of the rest of the package, as it lies beside it once it is built. */
const ours = {
  name: "ours-stays-outside",
  resolveId(specifier, importer) {
    if (importer === undefined || !specifier.startsWith(".") || !importer.startsWith(sources + sep))
      return null;
    const target = resolve(dirname(importer), specifier);
    if (target.startsWith(program + sep)) return null;
    const path = target.replace(/\.ts$/, ".js");
    const beside = join(built, relative(sources, path));
    if (!existsSync(beside)) throw new Error(`${beside} is missing. It is built before the program is.`);
    // As from the source: what is built lies the same way.
    return { id: path, external: "relative" };
  },
};

const bundle = await rolldown({
  input: join(sources, "cli.ts"),
  platform: "node",
  plugins: [ours],
  // Colours of a table come from an optional package, which is asked for only where a style names one. Ours names none.
  external: ["@colors/colors/safe"],
  onLog(_level, log) {
    throw new Error(log.message);
  },
});
const { output } = await bundle.write({
  dir: built,
  format: "esm",
  entryFileNames: "cli.js",
  chunkFileNames: "cli/[name].js",
  sourcemap: true,
  minify: false,
});
await bundle.close();

writeFileSync(join(built, "cli-licences.txt"), licences(packagesIn(output)));

/** The folders of the packages of which any module is in the output. */
function packagesIn(chunks) {
  const modules = chunks.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
  const folders = modules
    .map((module) => /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module.replaceAll("\\", "/"))?.[1])
    .filter((folder) => folder !== undefined);
  return [...new Set(folders)].toSorted((one, other) => (one < other ? -1 : 1));
}

function licences(folders) {
  const head =
    "The program dist/cli.js and its parts in dist/cli/ contain these packages, each under its own licence.\n";
  return [head, ...folders.map(licenceOf)].join(`\n${"-".repeat(80)}\n\n`);
}

function licenceOf(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined)
    throw new Error(`${name} has no file of its licence, and cannot be bundled without.`);
  const by = typeof author === "string" ? author : author?.name;
  return `${name} ${version} (${license})${by === undefined ? "" : `, ${by}`}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}
