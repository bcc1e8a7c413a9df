import { dirname } from "node:path";

// The project is in a folder below the one that has its `node_modules`.
const root = dirname(dirname(import.meta.dirname));

export default {
  serverExternalPackages: ["holdfast"],
  outputFileTracingRoot: root,
  turbopack: { root },
  experimental: { authInterrupts: true },
};
