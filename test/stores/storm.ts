// Changes the sessions of one file as fast as it can until it is killed, and logs what was acknowledged, line by line.
import { openSync, writeSync } from "node:fs";
import type { SessionRecord } from "../../src/core/record.ts";
import type { Call, SessionStore } from "../../src/core/store.ts";
import { idOf, NOW, SHARED } from "./storm-plan.ts";

const [module = "", opener = "", file = "", logFile = "", name = ""] = process.argv.slice(2);
const openers = (await import(module)) as Readonly<Record<string, (file: string) => SessionStore>>;
const open = openers[opener];
if (open === undefined) throw new Error(`${module} has no ${opener}.`);
const store = open(file);
const log = openSync(logFile, "a");
const call: Call = { signal: new AbortController().signal };

function note(line: string): void {
  writeSync(log, `${line}\n`);
}

async function increment(from: SessionStore, shared: string): Promise<void> {
  for (;;) {
    const record = await from.read(idOf(shared), call);
    if (record === null) throw new Error("A shared session is gone.");
    const count = String(Number(record.fields["count"]) + 1);
    const change = { now: NOW, epoch: 1, ifVersion: record.version, set: { count } };
    if ((await from.update(record.id, change, call)).kind === "done") return note(`increment ${shared}`);
  }
}

function recordOf(own: string): SessionRecord {
  return {
    id: idOf(own),
    epoch: 1,
    version: 1,
    secretHash: "h".repeat(43),
    labels: ["user:storm"],
    createdAt: NOW,
    accessedAt: NOW,
    expiresAt: NOW + 1000,
    endsAt: NOW + 2000,
    fields: { own, padding: "x".repeat(3000) },
  };
}

async function comeAndGo(own: string, stays: boolean): Promise<void> {
  await store.create(recordOf(own), call);
  note(`created ${own}`);
  if (stays) return;
  note(`deleting ${own}`);
  await store.delete(idOf(own), {}, call);
  note(`deleted ${own}`);
}

for (let turn = 0; ; turn++) {
  const shared = SHARED[turn % SHARED.length] ?? "";
  await Promise.all([increment(store, shared), comeAndGo(`${name}-${turn}`, turn % 2 === 0)]);
  process.send?.(turn);
}
