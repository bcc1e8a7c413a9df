// A process of the storm: works on a few sessions as fast as it can and tells of each acknowledged write, until it is killed.
import { writeSync } from "node:fs";
import { directoryStore } from "../../../src/stores/directory.ts";
import { HOUR, NOW, call, change, idOf, record } from "./support.ts";

const [root = "", name = "", sessions = "1"] = process.argv.slice(2);
const store = directoryStore(root);

/** Straight to the pipe: a buffered line would be lost with the process although the write is kept. */
function acknowledge(line: string): void {
  writeSync(1, `${line}\n`);
}

async function increment(number: number): Promise<void> {
  const id = idOf(number);
  const found = await store.read(id, call());
  if (found === null) throw new Error(`session ${number} is missing`);
  const count = Number(found.fields[name] ?? "0") + 1;
  const set = { [name]: String(count), shared: `${name}:${count}` };
  writeSync(1, `try ${number} ${count}\n`);
  const outcome = await store.update(id, change({ set }), call());
  if (outcome.kind !== "done") throw new Error(`session ${number}: ${outcome.kind}`);
  acknowledge(`set ${number} ${count}`);
}

async function touch(number: number, turn: number): Promise<void> {
  const outcome = await store.update(idOf(number), change({ expiresAt: NOW + HOUR + turn }), call());
  if (outcome.kind !== "done") throw new Error(`session ${number}: ${outcome.kind}`);
  acknowledge(`touch ${number} ${NOW + HOUR + turn}`);
}

/** A session of this process alone: created, and every other one deleted again. */
async function comeAndGo(turn: number): Promise<void> {
  const number = 1_000_000 * Number(name.slice(1)) + turn;
  const id = idOf(number);
  if (!(await store.create(record({ id, labels: [`worker:${name}`] }), call())))
    throw new Error(`${number} was taken`);
  acknowledge(`create ${number}`);
  if (turn % 2 === 0) return;
  writeSync(1, `trydelete ${number}\n`);
  await store.delete(id, {}, call());
  acknowledge(`delete ${number}`);
}

await store.setup(call());
acknowledge("ready");
for (let turn = 1; ; turn++) {
  const number = turn % Number(sessions);
  await increment(number);
  await touch(number, turn);
  await comeAndGo(turn);
}
