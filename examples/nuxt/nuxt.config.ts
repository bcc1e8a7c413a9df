import { CACHE_CONTROL } from "../shop/rules.ts";

const page = { headers: { "cache-control": CACHE_CONTROL } };

export default defineNuxtConfig({
  compatibilityDate: "2026-08-05",
  telemetry: false,
  devtools: { enabled: false },
  css: ["~~/../shop/style.css"],
  app: {
    head: {
      htmlAttrs: { lang: "en" },
      link: [{ rel: "icon", href: "data:," }],
    },
    // The shop's style is for header, main and footer right below the body.
    rootAttrs: { style: "display: contents" },
  },
  // The tide table is sent while it is rendered; all other pages are sent when they are complete.
  experimental: { ssrStreaming: true },
  routeRules: {
    "/**": { streaming: false },
    "/": page,
    "/sign-in": page,
    "/devices": page,
    "/tide": { ...page, streaming: true },
  },
  // A function for the server of server.mjs, which takes any free port and stops in good order.
  nitro: {
    preset: "node-listener",
    serveStatic: true,
    // The store is opened by a top-level await.
    esbuild: { options: { target: "es2022" } },
  },
});
