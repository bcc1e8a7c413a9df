import { CommanderError } from "commander";
import { coloursFor } from "./colours.ts";
import { Ending, endingOf, EXIT, type ExitCode } from "./exit.ts";
import { programFor } from "./program.ts";
import { withoutSecrets } from "./secrets.ts";
import { printable } from "./text.ts";
import type { World } from "./world.ts";

/** Runs the program. Resolves to its exit code, whatever happens: see {@link EXIT}. */
export async function main(args: readonly string[], world: World): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = programFor(world, (ended) => (code = ended));
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    // Commander has said by itself what is wrong. Its errors of exit code 0 are the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const ending = world.stopped.aborted ? new Ending(EXIT.stopped, "Stopped.") : endingOf(error);
    return complained(ending, args, world);
  }
}

function complained(ending: Ending, args: readonly string[], world: World): ExitCode {
  const colours = coloursFor(world);
  const lines = withoutSecrets(ending.message, world.environment).split("\n").map(printable);
  world.complain(`${colours.red("holdfast:")} ${lines.join("\n")}\n`);
  if (ending.code === EXIT.usage) world.complain(`Usage: holdfast ${args[0] ?? ""} --help\n`);
  return ending.code;
}
