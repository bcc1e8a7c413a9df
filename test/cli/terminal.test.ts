import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { join } from "node:path";
import { expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { type Surroundings, worldOf } from "../../src/cli/world.ts";
import { begin, temporaryFolder } from "./support.ts";

/** A process that somebody sits before, who types those keys when they are asked. */
function terminal(keys: string, environment: Record<string, string> = {}) {
  const stream = () => Object.assign(new PassThrough(), { isTTY: true, columns: 100 });
  const [stdin, stdout, stderr] = [stream(), stream(), stream()];
  const said = { printed: "", complained: "" };
  stdout.on("data", (text: Buffer) => (said.printed += text.toString()));
  stderr.on("data", (text: Buffer) => {
    const asked = said.complained.includes("[y/N]");
    said.complained += text.toString();
    if (!asked && said.complained.includes("[y/N]")) stdin.write(keys);
  });
  const signals = new EventEmitter();
  const process = Object.assign(signals, {
    stdin,
    stdout,
    stderr,
    env: environment,
    cwd: () => "/",
    exit() {},
  });
  return { process: process as unknown as Surroundings, said, interrupt: () => signals.emit("SIGINT") };
}

async function revokes(keys: string) {
  const url = `file:${join(temporaryFolder(), "a.db")}`;
  await begin(url, [{ user: "42" }]);
  const { process, said } = terminal(keys);
  const code = await main(["revoke", "--user", "42", url], worldOf(process, "1.2.3"));
  return { code, ...said };
}

test("a yes is a yes", async () => {
  const { code, printed, complained } = await revokes("y\r");
  expect([code, printed]).toEqual([0, "Ended 1 session.\n"]);
  expect(complained).toContain("End 1 session of user 42? [y/N] ");
});

test.each([
  ["anything else", "x\r"],
  ["nothing", "\r"],
  ["Ctrl-C", "\u0003"],
  ["Ctrl-D", "\u0004"],
])("%s is a no, by 130", async (_name, keys) => {
  expect(await revokes(keys)).toMatchObject({ code: 130, printed: "" });
});

test("a terminal has colours, and none where NO_COLOR says so or it is a dumb one", () => {
  expect(worldOf(terminal("").process, "").coloured).toBe(true);
  expect(worldOf(terminal("", { NO_COLOR: "1" }).process, "").coloured).toBe(false);
  expect(worldOf(terminal("", { NO_COLOR: "" }).process, "").coloured).toBe(true);
  expect(worldOf(terminal("", { TERM: "dumb" }).process, "").coloured).toBe(false);
});

test("an interrupt stops what is under way, by 130", async () => {
  const { process, said, interrupt } = terminal("");
  // Nobody answers there.
  const running = main(["list", "redis://127.0.0.1:1", "--timeout", "1h"], worldOf(process, ""));
  interrupt();
  expect(await running).toBe(130);
  expect(said.printed).toBe("");
});
