import { watched } from "../utils/watched.ts";

/** What Nitro was told of. */
export default defineNitroPlugin((nitroApp) => {
  nitroApp.hooks.hook(
    "error",
    (error) => void watched.push(String((error as { code?: unknown }).code ?? error)),
  );
  // Reads the session where hooks of the request do.
  nitroApp.hooks.hook("request", (event) => void event.context["session"]);
});
