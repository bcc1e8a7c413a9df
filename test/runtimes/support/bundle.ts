import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { PACKAGE, ROOT, specifierOf } from "../../package/package-json.ts";

/** The folder whose packages are the runtimes. */
export const PROJECT = "test/runtimes";

interface Resolving {
  readonly path: string;
  readonly resolveDir: string;
  readonly kind: string;
  readonly pluginData?: unknown;
}

interface Resolved {
  readonly path?: string;
  readonly external?: boolean;
}

interface Bundling {
  onResolve(
    options: { readonly filter: RegExp },
    resolve: (args: Resolving) => Promise<Resolved | undefined>,
  ): void;
  resolve(path: string, options: Omit<Resolving, "path">): Promise<Resolved>;
}

interface Bundler {
  build(options: Readonly<Record<string, unknown>>): Promise<unknown>;
}

/** How a program is made into one file. */
export interface BundleOptions {
  /** The folder, relative to the repository, whose packages the program is to have. `test/runtimes` unless said otherwise. */
  readonly project?: string;
  /** Distinguishes files of one program. */
  readonly variant: string;
  /** Put the packages into the file too, as for workerd, which finds none by itself. Otherwise the runtime resolves them. */
  readonly whole?: boolean;
  /** Files, relative to the repository, that stand in for modules. */
  readonly instead?: Readonly<Record<string, string>>;
}

/**
 * Makes a program, with what it uses of the tests, into one file of plain JavaScript. Whatever it imports of the library is the
 * built package in the project's `node_modules`, also where it is written as a path to the sources: so the subjects of the everyday
 * tests are used unchanged. Gives the path of the file, which lies in the project, so that imports find its packages.
 */
export async function bundle(program: string, options: BundleOptions): Promise<string> {
  const { project = PROJECT, variant, whole = false, instead = {} } = options;
  const folder = join(ROOT, project);
  const file = join(folder, ".generated", `${basename(program, ".ts")}.${variant}.mjs`);
  mkdirSync(dirname(file), { recursive: true });
  // Bun heeds the nearest one: the repository's own would lead it from the package to the sources.
  writeFileSync(join(dirname(file), "tsconfig.json"), "{}\n");
  await (
    await bundler()
  ).build({
    entryPoints: [join(ROOT, program)],
    outfile: file,
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: whole ? "browser" : "node",
    conditions: whole ? ["workerd", "worker", "browser"] : [],
    logLevel: "silent",
    // The repository's own settings would lead the package's name back to the sources.
    tsconfigRaw: "{}",
    plugins: [{ name: "packages", setup: (build: Bundling) => packagesOf(folder, whole, instead, build) }],
  });
  return file;
}

async function bundler(): Promise<Bundler> {
  const require = createRequire(join(ROOT, PROJECT, "package.json"));
  return (await import(pathToFileURL(require.resolve("esbuild")).href)) as Bundler;
}

const BUILT_IN = /^(node|cloudflare|bun|jsr):/;

function packagesOf(
  folder: string,
  whole: boolean,
  instead: BundleOptions["instead"],
  build: Bundling,
): void {
  build.onResolve({ filter: /.*/ }, async ({ path, resolveDir, kind, pluginData }) => {
    const other = instead?.[path];
    if (other !== undefined) return { path: join(ROOT, other) };
    if (BUILT_IN.test(path)) return { path, external: true };
    if (kind === "entry-point" || pluginData === folder) return undefined;
    const isFile = path.startsWith(".") || path.startsWith("/");
    const name = isFile ? builtName(resolve(resolveDir, path), folder) : path;
    if (name === undefined) return undefined;
    if (!whole) return { path: name, external: true };
    // Packages of packages are found from where those lie.
    const from = resolveDir.includes(`${sep}node_modules${sep}`) ? resolveDir : folder;
    return await build.resolve(name, { resolveDir: from, kind, pluginData: folder });
  });
}

/**
 * What a source file of the library is once it is built and installed: what a user would write, or the path of the file where users
 * cannot reach it. `undefined` for other files.
 */
function builtName(file: string, folder: string): string | undefined {
  const sources = join(ROOT, "src") + sep;
  if (!file.startsWith(sources)) return undefined;
  const path = `./${file.slice(sources.length).replaceAll(sep, "/").replace(/\.ts$/, "")}`;
  const exported = [path, path.replace(/\/?index$/, "")].find((name) => name in PACKAGE.exports);
  return exported === undefined
    ? join(folder, "node_modules/holdfast/dist", `${path}.js`)
    : specifierOf(exported);
}

/** Whether the project is installed, with the package in it. */
export function isInstalled(project: string): boolean {
  return existsSync(join(ROOT, project, "node_modules/holdfast/dist/index.js"));
}
