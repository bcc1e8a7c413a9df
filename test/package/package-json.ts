import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

interface PackageJson {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
}

export const PACKAGE: PackageJson = JSON.parse(
  readFileSync(join(ROOT, "package.json"), "utf8"),
) as PackageJson;

/** The export paths that lead to code, such as `./stores/memory`. */
export const PATHS: readonly string[] = Object.keys(PACKAGE.exports).filter(
  (path) => path !== "./package.json",
);

/** Those that load their framework. It is not installed here: where it is, in `test/frameworks`, they are loaded. */
export const BOUND: readonly string[] = ["./adapters/next"];

/** What one writes to import an export path. */
export function specifierOf(path: string): string {
  return `${PACKAGE.name}${path.slice(1)}`;
}

/** @throws when the package was not built: its tests are about what is published. */
export function demandBuild(): void {
  if (existsSync(join(ROOT, "dist/index.js"))) return;
  throw new Error("This test is about the built package, and dist is missing. Run: npm run build");
}
