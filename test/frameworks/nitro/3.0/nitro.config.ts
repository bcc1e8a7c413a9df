import { defineConfig } from "nitro";

export default defineConfig({
  compatibilityDate: "2026-09-03",
  serverDir: "./",
  preset: "node-middleware",
  routeRules: { "/cached-rule": { cache: { maxAge: 60 } } },
});
