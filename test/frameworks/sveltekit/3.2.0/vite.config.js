import adapter from "@sveltejs/adapter-node";
import { sveltekit } from "@sveltejs/kit/vite";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [
    sveltekit({
      adapter: adapter({ out: ".generated/build" }),
      // Clients of the contract send no Origin, as no client but a browser does.
      csrf: { trustedOrigins: ["*"] },
      experimental: { remoteFunctions: true },
      files: { src: ".generated/src" },
    }),
  ],
});
