export default defineNuxtConfig({
  compatibilityDate: "2026-08-05",
  telemetry: false,
  devtools: { enabled: false },
  experimental: { ssrStreaming: true },
  routeRules: {
    "/**": { streaming: false },
    "/streamed": { streaming: true },
    "/cached-page": { swr: 60 },
    "/api/cached-rule": { cache: { maxAge: 60 } },
    "/moved": { redirect: "/plain" },
    "/prerendered": { prerender: true },
  },
  nitro: { preset: "node-listener", serveStatic: true },
});
