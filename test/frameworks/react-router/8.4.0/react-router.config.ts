import type { Config } from "@react-router/dev/config";

export default {
  appDirectory: ".generated/app",
  buildDirectory: ".generated/build",
  prerender: ["/app/prerendered"],
} satisfies Config;
