import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect } from "vitest";
import { ROOT } from "../package/package-json.ts";

/** Has the shop's own client walk through it, as a server of `examples/` serves it. */
export async function walkThrough(server: string): Promise<void> {
  const { code, output } = await walked(server);
  expect(output).toContain("All as promised.");
  expect(output.match(/^ {2}ok {2} /gm)?.length, output).toBeGreaterThan(12);
  expect(code, output).toBe(0);
}

function walked(server: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const script = join(ROOT, "examples/shop/check.ts");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, "--server", join(ROOT, server)], { cwd: ROOT });
    let output = "";
    child.stdout.on("data", (text: Buffer) => (output += text.toString()));
    child.stderr.on("data", (text: Buffer) => (output += text.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}
