// Sets up a store when told to, so that many can do it at once.
import { openMysql } from "./clients.ts";

const [location = ""] = process.argv.slice(2);
const store = openMysql(location);

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
