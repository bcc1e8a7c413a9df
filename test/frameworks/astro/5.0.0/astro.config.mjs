import node from "@astrojs/node";
import { defineConfig } from "astro/config";

export default defineConfig({
  adapter: node({ mode: "middleware" }),
  output: "server",
  srcDir: ".generated/src",
  outDir: ".generated/build",
  cacheDir: ".generated/cache",
  // Clients of the contract send no Origin, as no client but a browser does.
  security: { checkOrigin: false },
});
