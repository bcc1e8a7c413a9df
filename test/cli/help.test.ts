import { describe, expect, test } from "vitest";
import { programFor } from "../../src/cli/program.ts";
import { run } from "./support.ts";

const COMMANDS = [
  "setup",
  "sweep",
  "stats",
  "doctor",
  "list",
  "show",
  "revoke",
  "watch",
  "migrate",
  "policy",
  "completion",
];

test("the help of the program", async () => {
  const { code, printed, complained } = await run(["--help"]);
  expect([code, complained]).toEqual([0, ""]);
  expect(printed).toMatchSnapshot();
});

describe.each(COMMANDS)("the help of %s", (command) => {
  test("has an example, and stays as it is", async () => {
    const { code, printed } = await run([command, "--help"]);
    expect(code).toBe(0);
    expect(printed).toMatch(/\nExamples?:\n {2}.*holdfast /);
    expect(printed).toMatchSnapshot();
  });
});

test("the version is that of the package", async () => {
  expect(await run(["--version"])).toMatchObject({ code: 0, printed: "1.2.3\n" });
});

test("every command of a store can print data", async () => {
  for (const command of COMMANDS.filter((name) => name !== "completion"))
    expect((await run([command, "--help"])).printed).toContain("--json");
});

test.each([["bash"], ["zsh"], ["fish"]])(
  "completion for %s names every command and option",
  async (shell) => {
    const { code, printed } = await run(["completion", shell]);
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(printed).toContain(command);
    expect(printed).toMatch(/(--| -l )reveal/);
  },
);

test("completion for another shell is refused, with those there are", async () => {
  expect(await run(["completion", "tcsh"])).toMatchObject({
    code: 2,
    complained: expect.stringContaining("bash, zsh, fish") as string,
  });
});

test("the commands are those that this suite looks at", () => {
  const world = { version: "1.2.3", print() {}, complain() {}, coloured: false };
  const program = programFor(world as never, () => undefined);
  expect(program.commands.map((command) => command.name())).toEqual(COMMANDS);
});
