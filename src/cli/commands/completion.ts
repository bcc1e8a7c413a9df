import type { Command } from "commander";
import { EXIT, type ExitCode, refuseUsage } from "../exit.ts";
import type { Job } from "../job.ts";

/** Prints a script for a shell that completes the names of commands and of their options. */
export function completion(job: Job, shell: string, program: Command): ExitCode {
  const write = SHELLS[shell];
  if (write === undefined) refuseUsage(`The shells are ${Object.keys(SHELLS).join(", ")}.`);
  job.world.print(write(wordsOf(program)));
  return EXIT.ok;
}

interface Words {
  readonly name: string;
  readonly description: string;
  readonly options: readonly string[];
}

function wordsOf(program: Command): Words[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: [...command.options.map(({ long }) => long ?? ""), "--help"].filter(Boolean),
  }));
}

const SHELLS: Readonly<Record<string, (words: readonly Words[]) => string>> = {
  bash,
  // zsh reads scripts of bash when it is asked to.
  zsh: (words) => `autoload -U +X bashcompinit && bashcompinit\n${bash(words)}`,
  fish,
};

function bash(words: readonly Words[]): string {
  const cases = words.map(({ name, options }) => `    ${name}) words="${options.join(" ")}" ;;`);
  return `_holdfast() {
  local words="${words.map(({ name }) => name).join(" ")} --help"
  [ "$COMP_CWORD" -gt 1 ] && case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _holdfast holdfast
`;
}

function fish(words: readonly Words[]): string {
  const lines = words.flatMap(({ name, description, options }) => [
    `complete -c holdfast -n __fish_use_subcommand -f -a ${name} -d '${description.replaceAll("'", "\\'")}'`,
    ...options.map(
      (option) => `complete -c holdfast -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`,
    ),
  ]);
  return `${lines.join("\n")}\n`;
}
