import { dirname } from "node:path";

// The project is in a folder below the one that has its `node_modules`.
const root = dirname(dirname(import.meta.dirname));

// What `create-next-app` asks for.
export default {
  cacheComponents: true,
  partialPrefetching: true,
  serverExternalPackages: ["holdfast"],
  outputFileTracingRoot: root,
  turbopack: { root },
};
