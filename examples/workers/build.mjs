/** `npm run build`: the worker as one module in `build/`, and the shop's files in `public/`, which the platform serves itself. */
import { cpSync, mkdirSync } from "node:fs";
import { build } from "esbuild";

const here = new URL("./", import.meta.url);

mkdirSync(new URL("public/", here), { recursive: true });
for (const file of ["style.css", "counter.js"])
  cpSync(new URL(`../shop/${file}`, here), new URL(`public/${file}`, here));

await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: ["worker.ts"],
  outfile: "build/worker.mjs",
  bundle: true,
  format: "esm",
  target: "es2022",
  conditions: ["workerd", "worker"],
  external: ["node:*"],
  // What lies beside this folder takes its packages from here.
  nodePaths: ["node_modules"],
  tsconfigRaw: "{}",
});
