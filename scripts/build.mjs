/** `npm run build`: src to dist, file by file, and the program `holdfast` as a bundle. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { prepare, root, run, tool } from "./toolchain.mjs";

export function build(environment) {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const compiled = run(tool("tsc"), ["-p", "tsconfig.build.json"], environment);
  if (compiled !== 0) return compiled;
  return run("node", [join(root, "scripts", "bundle-cli.mjs")], environment);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = build(prepare());
