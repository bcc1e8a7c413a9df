// One of many processes that set the same store up at one moment.
import { openPostgres } from "./clients.ts";

const store = await openPostgres(process.argv[2] ?? "");
process.send?.("ready");
process.once("message", () => {
  store
    .setup({ signal: new AbortController().signal })
    .then(() => store.close())
    .then(
      () => process.disconnect(),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
});
