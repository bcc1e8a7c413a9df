import { fileURLToPath } from "node:url";
import adapter from "@sveltejs/adapter-node";
import { sveltekit } from "@sveltejs/kit/vite";
import { defineConfig } from "vite";

/** What no framework changes of the shop lies beside this folder. */
const shop = fileURLToPath(new URL("../shop", import.meta.url));

export default defineConfig({
  plugins: [sveltekit({ adapter: adapter() })],
  resolve: { alias: { $shop: shop } },
  server: { fs: { allow: [shop] } },
});
