// Sets up a store on a file when told to, so that many can do it at once.
import { sqliteStore } from "../../../src/stores/sqlite.ts";

const [file = "", driver = ""] = process.argv.slice(2);
const store = sqliteStore(file, { driver: driver === "better-sqlite3" ? driver : "node:sqlite" });

async function found(): Promise<void> {
  await store.setup({ signal: new AbortController().signal });
  await store.close();
}

process.once("message", () => {
  found().then(
    () => process.send?.("done", () => process.disconnect()),
    (error: unknown) => process.send?.(String(error), () => process.disconnect()),
  );
});
process.send?.("ready");
