import { resolve } from "node:path";
import type { NextConfig } from "next";

// The goods and rules of the shop are in a folder beside this one.
const root = resolve(import.meta.dirname, "../..");

const config: NextConfig = {
  // One copy of Holdfast for pages, actions, routes and the proxy, as Node loads it.
  serverExternalPackages: ["holdfast"],
  outputFileTracingRoot: root,
  turbopack: { root },
};

export default config;
