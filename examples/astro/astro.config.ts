import { fileURLToPath } from "node:url";
import node from "@astrojs/node";
import { defineConfig } from "astro/config";

/** What no framework changes of the shop lies beside this folder. */
const shop = fileURLToPath(new URL("../shop", import.meta.url));

export default defineConfig({
  adapter: node({ mode: "standalone" }),
  // Every page tells who is signed in.
  output: "server",
  outDir: "build",
  devToolbar: { enabled: false },
  vite: { resolve: { alias: { $shop: shop } }, server: { fs: { allow: [shop, "."] } } },
});
