import type { Config } from "@react-router/dev/config";

export default {
  appDirectory: ".generated/app",
  buildDirectory: process.env["BUILD_DIRECTORY"] ?? ".generated/build",
  future: { v8_middleware: true },
  prerender: ["/app/prerendered"],
} satisfies Config;
