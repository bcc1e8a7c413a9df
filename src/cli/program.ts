import { Command, Option } from "commander";
import { coloursFor } from "./colours.ts";
import type { ExitCode } from "./exit.ts";
import type { Job } from "./job.ts";
import { duration, wholeNumber } from "./options.ts";
import { withoutSecrets } from "./secrets.ts";
import type { World } from "./world.ts";

/** Options that every command of a store has. */
interface Common {
  readonly store?: string;
  readonly json?: boolean;
  readonly timeout?: number;
}

const ENDINGS = `
Exit codes:
  0    done; with doctor: nothing found wrong
  1    not there, or something was found wrong
  2    the command line cannot be right
  3    the store cannot be reached, or does not answer
  4    the store refuses: not set up, without its driver, without the ability
  130  stopped by Ctrl-C before it was done

The store is named by an argument, by --store, or by the environment variable HOLDFAST_STORE:
  file:sessions.db   file:sessions/   lmdb:sessions.lmdb   redis://host:6379/0   redis+cluster://host:7000
  redis+sentinel://host:26379/name    postgres://user@host/database    mysql://user@host/database
Passwords belong into the environment: HOLDFAST_STORE, PGPASSWORD, REDISCLI_AUTH, MYSQL_PWD.
`;

/** The command line. Each command loads its own code when it is called, so that a short one starts at once. */
export function programFor(world: World, ended: (code: ExitCode) => void): Command {
  const program = new Command("holdfast")
    .description("Looks after the sessions of a Holdfast store.")
    .version(world.version, "-V, --version", "print the version of the package")
    .helpCommand(false)
    .showHelpAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.print(text),
      // It repeats what was typed, a URL in the wrong place too.
      writeErr: (text) => world.complain(withoutSecrets(text, world.environment)),
      getOutHasColors: () => world.coloured,
      getErrHasColors: () => world.coloured,
    })
    .addHelpText("after", ENDINGS);
  const commands = new Commands(program, world, ended);
  addCare(commands);
  addSessions(commands);
  addMoves(commands);
  return program;
}

function addCare(commands: Commands): void {
  commands
    .add("setup [store]", "create what the store needs: file, folder, tables, indexes", [
      "holdfast setup postgres://shop@localhost/shop",
    ])
    .action(
      commands.run(async (job, [store], options: Common) => {
        const { setup } = await import("./commands/setup.ts");
        return await setup(job, store ?? options.store);
      }),
    );
  commands
    .add("sweep [store]", "delete what has expired, where the engine does not by itself", [
      "holdfast sweep file:sessions.db",
    ])
    .action(
      commands.run(async (job, [store], options: Common) => {
        const { sweep } = await import("./commands/sweep.ts");
        return await sweep(job, store ?? options.store);
      }),
    );
  commands
    .add("stats [store]", "count sessions, users, sizes and ages; reads every record once", [
      "holdfast stats redis://localhost:6379",
      "holdfast stats --json | jq .live",
    ])
    .option("--idle <duration>", "what counts as idle", duration, 15 * 60_000)
    .action(
      commands.run(async (job, [store], options: Common & { readonly idle: number }) => {
        const { stats } = await import("./commands/stats.ts");
        return await stats(job, { store: store ?? options.store, idleMs: options.idle });
      }),
    );
  commands
    .add(
      "doctor [store]",
      "look for what loses sessions: version, settings, schema, rights, clock, encryption",
      ["holdfast doctor postgres://shop@db.example/shop"],
    )
    .option("--read-only", "write nothing, not even the record that tries the rights of the account")
    .action(
      commands.run(async (job, [store], options: Common & { readonly readOnly?: boolean }) => {
        const { doctor } = await import("./commands/doctor.ts");
        return await doctor(job, { store: store ?? options.store, writes: options.readOnly !== true });
      }),
    );
}

function addSessions(commands: Commands): void {
  commands
    .add("list [store]", "list live sessions", [
      "holdfast list file:sessions.db --user 42",
      "HOLDFAST_STORE=redis://localhost holdfast list --limit 10 --json",
    ])
    .option("--user <id>", "only those of a user")
    .option("--limit <count>", "how many at the most", wholeNumber, 50)
    .action(
      commands.run(
        async (job, [store], options: Common & { readonly user?: string; readonly limit: number }) => {
          const { list } = await import("./commands/list.ts");
          return await list(job, {
            store: store ?? options.store,
            user: options.user,
            limit: options.limit,
          });
        },
      ),
    );
  commands
    .add("show <id> [store]", "show one session; the values of its fields only with --reveal", [
      "holdfast show 6vNn0GmJzQbS3DkpXwYtR1aL file:sessions.db",
    ])
    .option("--reveal", "print the values of fields, which may be personal")
    .action(
      commands.run(async (job, [id = "", store], options: Common & { readonly reveal?: boolean }) => {
        const { show } = await import("./commands/show.ts");
        return await show(job, { id, store: store ?? options.store, reveal: options.reveal === true });
      }),
    );
  commands
    .add("revoke [id] [store]", "end one session, those of a user, or all", [
      "holdfast revoke 6vNn0GmJzQbS3DkpXwYtR1aL --store file:sessions.db",
      "holdfast revoke --user 42 --yes redis://localhost:6379",
      "holdfast revoke --all --manager ./sessions.js",
    ])
    .option("--user <id>", "all sessions of a user")
    .option("--all", "all sessions there are")
    .option("--yes", "do not ask; needed where nobody can be asked")
    .option("--manager <module>", "a file that exports the application's manager, in place of a store")
    .option("--export <name>", "which of its exports; default the only one that is a manager")
    .action(
      commands.run(async (job, [first, second], options: RevokeOptions) => {
        const { revoke } = await import("./commands/revoke.ts");
        // No id holds a colon, and every URL does.
        const [id, store] = first?.includes(":") === true ? [second, first] : [first, second];
        return await revoke(job, {
          id,
          store: store ?? options.store,
          user: options.user,
          all: options.all === true,
          yes: options.yes === true,
          manager: options.manager,
          export: options.export,
        });
      }),
    );
  commands
    .add("watch [store]", "print ends and changes of sessions as they happen, until Ctrl-C", [
      "holdfast watch redis://localhost:6379",
      "holdfast watch --json | jq 'select(.event == \"ended\")'",
    ])
    .action(
      commands.run(async (job, [store], options: Common) => {
        const { watch } = await import("./commands/watch.ts");
        return await watch(job, store ?? options.store);
      }),
    );
}

interface RevokeOptions extends Common {
  readonly user?: string;
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly manager?: string;
  readonly export?: string;
}

interface MigrateOptions extends Common {
  readonly mode: "move" | "copy";
  readonly state?: string;
  readonly fresh?: boolean;
  readonly yes?: boolean;
  readonly count: boolean;
  readonly concurrency: number;
}

function addMoves(commands: Commands): void {
  commands
    .add("migrate [from] [to]", "bring every session to another store; can be stopped and resumed", [
      "holdfast migrate file:sessions.db postgres://shop@localhost/shop",
      "HOLDFAST_FROM=redis://… HOLDFAST_TO=postgres://… holdfast migrate --yes",
    ])
    .addOption(
      new Option("--mode <mode>", "whether sessions leave the old store")
        .choices(["move", "copy"])
        .default("move"),
    )
    .option("--state <file>", "where to note how far it is; default a file in the working directory")
    .option("--fresh", "begin anew, whatever was noted")
    .option("--yes", "do not ask; needed where nobody can be asked")
    .option("--no-count", "do not count first: no share and no remaining time are shown then")
    .option("--concurrency <count>", "records that are on their way at a time", wholeNumber, 8)
    .action(
      commands.run(async (job, [from, to], options: MigrateOptions) => {
        const { migrateStores } = await import("./commands/migrate.ts");
        return await migrateStores(job, {
          from,
          to,
          mode: options.mode,
          state: options.state,
          fresh: options.fresh === true,
          yes: options.yes === true,
          count: options.count,
          concurrency: options.concurrency,
        });
      }),
    );
  commands
    .add("policy <module>", "print the policy in force of a session manager, for an auditor", [
      "holdfast policy ./sessions.js --export staff",
    ])
    .option("--export <name>", "which of its exports; default the only one that is a manager")
    .action(
      commands.run(async (job, [module = ""], options: { readonly export?: string }) => {
        const { policy } = await import("./commands/policy.ts");
        return await policy(job, { module, export: options.export });
      }),
    );
  commands
    .addPlain("completion <shell>", "print a script that completes commands and options", [
      "source <(holdfast completion bash)   # or zsh; fish: holdfast completion fish | source",
    ])
    .action(
      commands.run(async (job, [shell = ""]) => {
        const { completion } = await import("./commands/completion.ts");
        return completion(job, shell, commands.program);
      }),
    );
}

type Action<Options> = (
  job: Job,
  args: readonly (string | undefined)[],
  options: Options,
) => Promise<ExitCode>;

const NO_STORE = ["migrate", "policy"];

/** Adds commands that have options in common. */
class Commands {
  readonly program: Command;
  readonly #world: World;
  readonly #ended: (code: ExitCode) => void;

  constructor(program: Command, world: World, ended: (code: ExitCode) => void) {
    this.program = program;
    this.#world = world;
    this.#ended = ended;
  }

  addPlain(usage: string, description: string, examples: readonly string[]): Command {
    const lines = examples.map((example) => `  ${example}\n`).join("");
    return this.program
      .command(usage)
      .description(description)
      .addHelpText("after", `\nExample${examples.length === 1 ? "" : "s"}:\n${lines}`);
  }

  add(usage: string, description: string, examples: readonly string[]): Command {
    const command = this.addPlain(usage, description, examples).option(
      "--json",
      "print data instead of text",
    );
    if (command.name() === "policy") return command;
    command.option("--timeout <duration>", "how long one call of the store may take", duration, 10_000);
    return NO_STORE.includes(command.name())
      ? command
      : command.option("--store <url>", "the store; default the environment variable HOLDFAST_STORE");
  }

  /** What commander is to call: it gives the arguments, then the options, then the command. */
  run<Options>(action: Action<Options>): (...given: unknown[]) => Promise<void> {
    return async (...given) => {
      const options = given.at(-2) as Options & Common;
      const job = {
        world: this.#world,
        colours: coloursFor(this.#world),
        json: options.json === true,
        timeoutMs: options.timeout ?? 10_000,
      };
      this.#ended(await action(job, given.slice(0, -2) as readonly (string | undefined)[], options));
    };
  }
}
