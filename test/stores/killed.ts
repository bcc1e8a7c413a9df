// Processes that are killed in the middle of their work on one store, and the books of what was acknowledged to them.
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { expect } from "vitest";
import type { AnyStore } from "../../src/core/store.ts";
import { message, startProgram } from "./programs.ts";
import { call, recordOf } from "./records.ts";
import { idOf, SHARED } from "./storm-plan.ts";

const LIVES = 5;

/** How a process opens the store: a module, the name of a function in it, and the file that it takes. */
export interface Opening {
  readonly module: URL;
  readonly export: string;
  readonly file: string;
}

/** One process after another storms the file; each is killed by its own id. */
async function liveAndDie({ module, export: name, file }: Opening, log: string, who: string): Promise<void> {
  for (let life = 0; life < LIVES; life++) {
    const storm = new URL("./storm.ts", import.meta.url);
    const child = startProgram(storm, module.href, name, file, log, `${who}${life}`);
    // Killed after another number of turns each time, and not at the end of one.
    for (let turn = 0; turn < 15 + life * 7; turn++) await message(child);
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

function tally(lines: readonly string[]): Map<string, string[]> {
  const byVerb = new Map<string, string[]>();
  for (const line of lines) {
    const [verb = "", name = ""] = line.split(" ");
    byVerb.set(verb, [...(byVerb.get(verb) ?? []), name]);
  }
  return byVerb;
}

/** Has two processes at a time storm the store and be killed, and expects that all they were told is so. */
export async function expectNothingLost(store: Required<AnyStore>, opening: Opening): Promise<void> {
  for (const name of SHARED)
    await store.create(recordOf("x", { id: idOf(name), fields: { count: "0" } }), call());

  const logs = ["p", "q"].map((who) => ({ who, log: `${opening.file}.${who}.log` }));
  await Promise.all(logs.map(({ who, log }) => liveAndDie(opening, log, who)));

  const lines = logs.flatMap(({ log }) => readFileSync(log, "utf8").split("\n"));
  const books = tally(lines.filter((line) => line !== ""));
  let counted = 0;
  for (const name of SHARED) counted += Number((await store.read(idOf(name), call()))?.fields["count"]);
  const acknowledged = books.get("increment")?.length ?? 0;
  expect(acknowledged).toBeGreaterThan(LIVES * 2 * 15);
  expect(counted).toBeGreaterThanOrEqual(acknowledged);
  // Each process that was killed had one increment under way, which may have been stored unheard.
  expect(counted).toBeLessThanOrEqual(acknowledged + LIVES * 2);

  const leaving = new Set(books.get("deleting"));
  for (const name of books.get("created") ?? []) {
    if (leaving.has(name)) continue;
    expect((await store.read(idOf(name), call()))?.fields).toEqual({ own: name, padding: "x".repeat(3000) });
  }
  for (const name of books.get("deleted") ?? []) expect(await store.read(idOf(name), call())).toBeNull();

  const listed = await store.listByLabel("user:storm", { limit: 10_000 }, call());
  const walked = await store.all({ limit: 10_000 }, call());
  expect(listed.records.map(({ id }) => id)).toEqual(
    walked.records.filter(({ labels }) => labels.includes("user:storm")).map(({ id }) => id),
  );
}
