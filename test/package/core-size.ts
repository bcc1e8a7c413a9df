import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { ROOT } from "./package-json.ts";

interface Bundler {
  rolldown(options: { readonly input: string; readonly platform: "node" }): Promise<{
    generate(options: {
      readonly minify: boolean;
      readonly format: "esm";
    }): Promise<{ readonly output: readonly { readonly code?: string }[] }>;
    close(): Promise<void>;
  }>;
}

/** The bundler of the test runner's own dependencies: it is here anyway, so none has to be added for a measurement. */
async function bundler(): Promise<Bundler> {
  const runner = createRequire(createRequire(import.meta.url).resolve("vitest/package.json"));
  const server = createRequire(runner.resolve("vite/package.json"));
  return (await import(pathToFileURL(server.resolve("rolldown")).href)) as Bundler;
}

/** The built core, bundled and minified, and how many bytes it has compressed. */
export async function bundledCore(): Promise<{ readonly code: string; readonly compressed: number }> {
  const bundle = await (await bundler()).rolldown({ input: join(ROOT, "dist/index.js"), platform: "node" });
  const { output } = await bundle.generate({ minify: true, format: "esm" });
  await bundle.close();
  const code = output.map((chunk) => chunk.code ?? "").join("");
  return { code, compressed: gzipSync(code, { level: 9 }).length };
}
