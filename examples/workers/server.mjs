/**
 * `npm start`: the worker in the runtime that it has in production, on this machine, by the same settings. `PORT` (default 3000; 0 for any
 * free one), and `STORE` or `--store` with the folder of its objects, `data/` unless given. Run `npm run build` before.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";

// A server that is killed must not leave its runtime behind, upon the same objects as the next one's.
if (process.platform === "linux") {
  const miniflare = createRequire(createRequire(import.meta.url).resolve("miniflare"));
  process.env.WORKERD = miniflare("workerd").default;
  process.env.MINIFLARE_WORKERD_PATH = join(import.meta.dirname, "workerd.sh");
}
const { Miniflare } = await import("miniflare");

const { values } = parseArgs({ options: { store: { type: "string" } } });
const folder = (values.store ?? process.env.STORE ?? join(import.meta.dirname, "data")).replace(/^file:/, "");
const settings = JSON.parse(readFileSync(new URL("wrangler.json", import.meta.url), "utf8"));
const sqlite = settings.migrations.flatMap((migration) => migration.new_sqlite_classes);

const miniflare = new Miniflare({
  name: settings.name,
  rootPath: import.meta.dirname,
  modules: true,
  scriptPath: "build/worker.mjs",
  compatibilityDate: settings.compatibility_date,
  compatibilityFlags: settings.compatibility_flags,
  durableObjects: Object.fromEntries(
    settings.durable_objects.bindings.map(({ name, class_name: className }) => [
      name,
      { className, useSQLite: sqlite.includes(className) },
    ]),
  ),
  assets: { directory: settings.assets.directory, routerConfig: { has_user_worker: true } },
  durableObjectsPersist: folder,
  // Nothing is asked of the network.
  cf: false,
  host: "127.0.0.1",
  port: Number(process.env.PORT ?? 3000),
});

const { port } = await miniflare.ready;
console.log(`The Chandlery is open: http://localhost:${port}/`);
console.log(`Sessions are in ${folder}. Stop with Ctrl+C and start again: they stay.`);

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void miniflare.dispose());
