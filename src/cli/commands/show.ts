import { isReserved, isSealed } from "../../core/record.ts";
import { AUTH, COMMITS, CSRF, DEVICE, FLASH, LIFE, SEEN } from "../../core/reserved.ts";
import { parseSessionId, type SessionRecord } from "../../index.ts";
import { Ending, EXIT, type ExitCode, refuseUsage } from "../exit.ts";
import { answer, type Job } from "../job.ts";
import { isMark, lineOf, type SessionLine, sizeOf } from "../records.ts";
import { addressOf, openExisting, using } from "../stores.ts";
import { table } from "../table.ts";
import { bytes, json, printable, span } from "../text.ts";

export interface ShowArguments {
  readonly id: string;
  readonly store: string | undefined;
  readonly reveal: boolean;
}

/** One field as it is shown. */
interface FieldLine {
  readonly name: string;
  readonly bytes: number;
  readonly sealed: boolean;
  /** Whether the library keeps it for itself. */
  readonly reserved: boolean;
  /** Absent unless it was asked for, where it is sealed, and of what guards the session. */
  readonly value?: unknown;
}

/** What the library keeps with a session that guards nothing. All else of its own is never shown. */
const HARMLESS: readonly string[] = [AUTH, DEVICE, SEEN, LIFE, FLASH, COMMITS];

/** Shows one session, and its fields by name and size; their values only when asked for. */
export async function show(job: Job, { id, store, reveal }: ShowArguments): Promise<ExitCode> {
  const parsed = parseSessionId(id);
  if (parsed === null) refuseUsage(`This is not the id of a session: those are 24 letters, digits, - and _.`);
  const address = addressOf({ given: store, variable: "HOLDFAST_STORE" }, job.world);
  return await using(openExisting(address, job.world, job.timeoutMs), async (opened) => {
    const record = await opened.call((engine, call) => engine.read(parsed, call));
    if (record === null || isMark(record)) throw new Ending(EXIT.found, `There is no session ${id}.`);
    const now = job.world.now();
    const session = lineOf(record, now);
    const fields = fieldsOf(record, reveal);
    const data = { ...session, version: record.version, epoch: record.epoch, bytes: sizeOf(record), fields };
    answer(job, data, () => description(job, session, now) + fieldTable(job, fields, reveal));
    return EXIT.ok;
  });
}

function fieldsOf(record: SessionRecord, reveal: boolean): FieldLine[] {
  return Object.entries(record.fields)
    .map(([name, text]) => {
      const reserved = isReserved(name);
      const sealed = isSealed(text);
      const isShown = reveal && !sealed && (!reserved || (HARMLESS.includes(name) && name !== CSRF));
      return {
        name,
        bytes: Buffer.byteLength(text),
        sealed,
        reserved,
        ...(isShown && { value: valueOf(text) }),
      };
    })
    .toSorted(
      (one, other) => Number(one.reserved) - Number(other.reserved) || (one.name < other.name ? -1 : 1),
    );
}

/** A codec of the application's own may write other things than JSON. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function description({ colours }: Job, session: SessionLine, now: number): string {
  const ago = (time: string): string => `${time} (${span(now - Date.parse(time))} ago)`;
  const left = Date.parse(session.expiresAt) - now;
  const state = session.live ? colours.green("live") : colours.red("expired");
  const facts: readonly (readonly [string, string])[] = [
    ["Session", `${session.id} ${state}`],
    ["User", session.user === null ? "nobody" : printable(session.user)],
    ["Created", ago(session.createdAt)],
    ["Last used", ago(session.accessedAt)],
    [
      "Ends",
      left > 0
        ? `${session.expiresAt} (in ${span(left)}), at the latest ${session.endsAt}`
        : ago(session.expiresAt),
    ],
    [
      "From",
      session.sealed
        ? "sealed"
        : printable([session.address, session.userAgent].filter(Boolean).join(" ")) || "unknown",
    ],
    ["Labels", session.labels.map(printable).join(", ") || "none"],
  ];
  return facts.map(([name, value]) => `${colours.bold(name.padEnd(10))} ${value}\n`).join("");
}

function fieldTable({ colours }: Job, fields: readonly FieldLine[], reveal: boolean): string {
  if (fields.length === 0) return "\nNo fields.\n";
  const rows = fields.map((field) => [printable(field.name), bytes(field.bytes), shownValue(field, reveal)]);
  const hint = reveal ? "" : colours.dim("\nValues are shown with --reveal.\n");
  return `\n${table(["FIELD", "SIZE", "VALUE"], rows, colours)}${hint}`;
}

function shownValue(field: FieldLine, reveal: boolean): string {
  if (field.sealed) return "sealed";
  if ("value" in field) return json(field.value);
  return reveal ? "never shown" : "redacted";
}
