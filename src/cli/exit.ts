import { SessionError } from "../index.ts";

/** How the program ends. The numbers are documented in `docs/cli.md`, and do not change. */
export const EXIT = {
  ok: 0,
  /** What was asked for is not there, or something was found wrong. */
  found: 1,
  usage: 2,
  /** The store cannot be reached, or does not answer. */
  unreachable: 3,
  /** The store is there and refuses: not set up, set wrongly, without its driver, without the ability. */
  refused: 4,
  /** Stopped by Ctrl-C before it was done. */
  stopped: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the program with a message for who called it. */
export class Ending extends Error {
  readonly code: ExitCode;

  constructor(code: ExitCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function refuseUsage(message: string): never {
  throw new Ending(EXIT.usage, message);
}

/** What became of the program, as a message and an exit code. */
export function endingOf(error: unknown): Ending {
  if (error instanceof Ending) return error;
  const causes = causesOf(error);
  const said = [...new Set(causes.map(({ message, code }) => message || code).filter(Boolean))].join(" ");
  if (causes.some(isMissing)) {
    return new Ending(EXIT.refused, `${said}\nThe store is not set up. Run \`holdfast setup\`.`);
  }
  const [first] = causes;
  const refuses = ["ERR_SESSION_CONFIG", "ERR_SESSION_FORMAT", "ERR_SESSION_USE"];
  if (SessionError.is(error) && refuses.includes(first?.code ?? "")) return new Ending(EXIT.refused, said);
  return new Ending(EXIT.unreachable, said || "The store failed.");
}

interface Cause {
  readonly message: string;
  readonly code: string;
}

/** An error and what it was caused by, the outermost first. */
function causesOf(error: unknown): Cause[] {
  const found: Cause[] = [];
  let next = error;
  while (typeof next === "object" && next !== null && found.length < 5) {
    const { message, code, cause, errors } = next as {
      readonly message?: unknown;
      readonly code?: unknown;
      readonly cause?: unknown;
      readonly errors?: readonly unknown[];
    };
    found.push({ message: textOf(message), code: textOf(code) });
    // A host of several addresses fails with a list, one error for each, and without a message.
    next = cause ?? errors?.[0];
  }
  return found;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** How PostgreSQL, MySQL and SQLite say that a table is not there. */
function isMissing({ code, message }: Cause): boolean {
  return ["42P01", "3F000", "ER_NO_SUCH_TABLE"].includes(code) || message.includes("no such table");
}
