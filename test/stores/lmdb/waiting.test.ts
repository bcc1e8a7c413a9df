import type { ChildProcess } from "node:child_process";
import { expect, test } from "vitest";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import {
  call,
  freshFile,
  idOf,
  message,
  NOW,
  recordOf,
  rootOn,
  start,
  storeOn,
  turns,
  watch,
} from "./support.ts";

const change = { now: NOW, epoch: 1, set: { a: "2" } };

async function holdLock(file: string): Promise<ChildProcess> {
  const holder = start("./holder.ts", file);
  expect(await message(holder)).toBe("held");
  return holder;
}

async function release(holder: ChildProcess): Promise<void> {
  const released = message(holder);
  holder.stdin?.write("x");
  await released;
}

test("a write waits for another process while the event loop goes on, and reads do not wait", async () => {
  const file = freshFile();
  const store = await storeOn(file);
  await store.create(recordOf("a"), call());
  const holder = await holdLock(file);

  const outcome = store.update(idOf("a"), change, call());
  const state = watch(outcome);
  await turns(500);
  expect(state.settled).toBe(false);
  expect((await store.read(idOf("a"), call()))?.fields).toEqual({ a: "1" });
  await release(holder);
  expect(await outcome).toEqual({ kind: "done", version: 2 });
});

test("a write whose deadline comes before its turn rejects, is never carried out, and holds up nobody", async () => {
  const file = freshFile();
  const store = await storeOn(file);
  await store.create(recordOf("a"), call());
  const holder = await holdLock(file);

  // On its way already, and waiting for the lock in the driver's thread.
  const first = store.update(idOf("a"), { ...change, set: { first: "1" } }, call());
  await turns(10);
  const deadline = new AbortController();
  const late = store.update(idOf("a"), change, { signal: deadline.signal });
  const other = store.update(idOf("a"), { ...change, set: { b: "3" } }, call());
  await turns(50);
  deadline.abort(new Error("too late"));
  await expect(late).rejects.toMatchObject({
    code: "ERR_SESSION_STORE_UNAVAILABLE",
    cause: new Error("too late"),
  });
  await release(holder);
  expect(await Promise.all([first, other])).toEqual([
    { kind: "done", version: 2 },
    { kind: "done", version: 3 },
  ]);
  expect((await store.read(idOf("a"), call()))?.fields).toEqual({ a: "1", first: "1", b: "3" });
});

test("close waits for the writes that wait", async () => {
  const file = freshFile();
  const store = await storeOn(file);
  const holder = await holdLock(file);
  const created = store.create(recordOf("a"), call());
  await turns(10);
  const second = store.create(recordOf("b"), call());
  const closed = store.close();
  const state = watch(closed);
  await turns(50);
  expect(state.settled).toBe(false);
  await expect(store.read(idOf("a"), call())).rejects.toMatchObject({ code: "ERR_SESSION_USE" });
  await release(holder);
  expect(await Promise.all([created, second])).toEqual([true, true]);
  await closed;
});

test("a process that is killed while it holds the lock holds up nobody", async () => {
  const file = freshFile();
  const store = await storeOn(file);
  await store.create(recordOf("a"), call());
  const holder = await holdLock(file);
  const outcome = store.update(idOf("a"), change, call());
  await turns(50);
  holder.kill("SIGKILL");
  expect(await outcome).toEqual({ kind: "done", version: 2 });
});

test("stores on one file in one process do not wait for one another to open", async () => {
  const file = freshFile();
  const [busy, other] = [await storeOn(file), await storeOn(file)];
  const pending = busy.create(recordOf("a"), call());
  // Opening takes the lock of the file, on this thread, while a write of the first is on its way.
  const third = await storeOn(file);
  expect(
    await Promise.all([pending, other.create(recordOf("b"), call()), third.create(recordOf("c"), call())]),
  ).toEqual([true, true, true]);
});

test("a transaction that the application left open is neither joined nor read, but waited for", async () => {
  const root = rootOn(freshFile());
  const store = lmdbStore(root);
  await store.setup(call());
  await store.create(recordOf("a"), call());
  const mine = root.openDB<string, string>({ name: "mine", encoding: "string" });

  let end = (): void => undefined;
  let begun = (): void => undefined;
  const entered = new Promise<void>((resolve) => (begun = resolve));
  const transaction = mine.transaction(async () => {
    void mine.put("n", "1");
    begun();
    await new Promise<void>((resolve) => (end = resolve));
  });
  await entered;
  const outcome = store.update(idOf("a"), change, call());
  const read = Promise.resolve(store.read(idOf("a"), call()));
  const states = [watch(outcome), watch(read)];
  await turns(100);
  expect(states).toEqual([{ settled: false }, { settled: false }]);
  const deadline = new AbortController();
  const late = store.delete(idOf("a"), {}, { signal: deadline.signal });
  await turns(10);
  deadline.abort();
  await expect(late).rejects.toMatchObject({ code: "ERR_SESSION_STORE_UNAVAILABLE" });
  end();
  await transaction;
  expect(await outcome).toEqual({ kind: "done", version: 2 });
  expect((await read)?.id).toBe(idOf("a"));
  expect(mine.get("n")).toBe("1");
});
