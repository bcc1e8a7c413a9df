import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

interface PackageJson {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
}

export const PACKAGE: PackageJson = JSON.parse(
  readFileSync(join(ROOT, "package.json"), "utf8"),
) as PackageJson;

/** The export paths that lead to code, such as `./stores/memory`. */
export const PATHS: readonly string[] = Object.keys(PACKAGE.exports).filter(
  (path) => path !== "./package.json",
);

/** What one writes to import an export path. */
export function specifierOf(path: string): string {
  return `${PACKAGE.name}${path.slice(1)}`;
}

/** @throws when the package was not built: its tests are about what is published. */
export function demandBuild(): void {
  if (existsSync(join(ROOT, "dist/index.js"))) return;
  throw new Error("This test is about the built package, and dist is missing. Run: npm run build");
}

/** The optional peer for want of which a module could not be loaded, or `null` where it was something else. */
export function missingPeer(error: unknown): string | null {
  // As Node says it, and as Vite does.
  const [, found = ""] = /(?:Cannot find package|Could not resolve) ['"]([^'"]+)/.exec(String(error)) ?? [];
  const name = found.split("/", found.startsWith("@") ? 2 : 1).join("/");
  return name in PACKAGE.peerDependencies ? name : null;
}
