import type { Config } from "@react-router/dev/config";

export default {
  appDirectory: ".generated/app",
  buildDirectory: process.env["BUILD_DIRECTORY"] ?? ".generated/build",
  prerender: ["/app/prerendered"],
} satisfies Config;
