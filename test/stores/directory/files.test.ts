import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SessionId } from "../../../src/core/record.ts";
import { directoryStore, type DirectoryStore } from "../../../src/stores/directory.ts";
import { hashOfLabel } from "../../../src/stores/directory/names.ts";
import { Pause, killAt, steppedStore } from "./stepped.ts";
import {
  HOUR,
  ID,
  NOW,
  call,
  change,
  fileIn,
  idOf,
  overwrite,
  record,
  sessionFolder,
  temporaryFolder,
  tree,
  type TemporaryFolder,
} from "./support.ts";

let folder: TemporaryFolder;
let root: string;
let store: DirectoryStore;

beforeEach(async () => {
  folder = await temporaryFolder();
  root = folder.path;
  store = directoryStore(root);
});
afterEach(() => folder.remove());

async function everythingOnce(): Promise<void> {
  await store.create(record(), call());
  await store.update(ID, change({ set: { a: "1" } }), call());
  await store.update(ID, change({ accessedAt: NOW + 1 }), call());
  await store.update(ID, change({ renew: { secretHash: "x", nextEpoch: 1, labels: ["tenant:2"] } }), call());
}

describe("modes", () => {
  const masks = [0o000, 0o022, 0o077, 0o277, 0o777];

  // The process runs this repository's sources, which Node 20 cannot.
  test.runIf(process.features.typescript).each(masks)(
    "folders are 0700 and files 0600 with the umask %o",
    async (mask) => {
      // Only a process of its own can have its own umask: threads of a test runner share one.
      const program = `
      process.umask(${mask});
      const { directoryStore } = await import(${JSON.stringify(new URL("../../../src/stores/directory.ts", import.meta.url).href)});
      const { record, change, call, ID } = await import(${JSON.stringify(new URL("./support.ts", import.meta.url).href)});
      const store = directoryStore(${JSON.stringify(root)});
      await store.create(record(), call());
      await store.update(ID, change({ set: { a: "1" } }), call());
      await store.update(ID, change({ renew: { secretHash: "x", nextEpoch: 1, labels: ["tenant:2"] } }), call());
    `;
      await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
      for (const path of [".", ...(await tree(root))]) {
        const stats = await lstat(join(root, path));
        assert.equal((stats.mode & 0o777).toString(8), stats.isDirectory() ? "700" : "600", path);
      }
      assert.equal((await store.read(ID, call()))?.version, 3);
    },
  );
});

describe("setup", () => {
  test("many at once, in one process and again, leave one sound folder", async () => {
    const stores = Array.from({ length: 20 }, () => directoryStore(root));
    await Promise.all(stores.flatMap((one) => [one.setup(call()), one.setup(call())]));
    await store.create(record(), call());
    await Promise.all(stores.map((one) => one.setup(call())));
    assert.deepEqual(await store.read(ID, call()), record());
    assert.deepEqual(await readdir(join(root, "temp")), []);
  });

  test("a process killed at any step of setup leaves what the next setup completes", async () => {
    for (let at = 0; at < 20; at++) {
      await rm(root, { recursive: true, force: true });
      const { store: victim, arm } = await steppedStore(root);
      await rm(root, { recursive: true });
      const killed = await new Promise<boolean>((resolve, reject) => {
        arm(killAt(at, () => resolve(true)));
        victim.setup(call()).then(() => resolve(false), reject);
      });
      await store.setup(call());
      assert.equal(await store.create(record(), call()), true);
      if (!killed) return;
    }
    throw new Error("setup has no end");
  });

  test("the first call sets up by itself", async () => {
    assert.equal(await store.read(ID, call()), null);
    assert.equal(await readFile(join(root, "format"), "utf8"), "1\n");
  });

  test.runIf(process.getuid?.() === 0)(
    "a folder of another user is refused, also behind a link",
    async () => {
      const { chown, lchown } = await import("node:fs/promises");
      await mkdir(root, { mode: 0o777 });
      await chown(root, 12_345, 12_345);
      await expect(store.setup(call())).rejects.toMatchObject({ code: "ERR_SESSION_CONFIG" });
      await expect(store.create(record(), call())).rejects.toThrow(
        /belongs to user 12345.*does not exist yet/,
      );
      assert.deepEqual(await readdir(root), []);

      const link = `${root}-link`;
      await symlink(root, link);
      await expect(directoryStore(link).setup(call())).rejects.toMatchObject({ code: "ERR_SESSION_CONFIG" });
      await chown(root, 0, 0);
      await lchown(link, 12_345, 12_345);
      await expect(directoryStore(link).setup(call())).rejects.toThrow(/belongs to user 12345/);
      await lchown(link, 0, 0);
      await directoryStore(link).setup(call());
    },
  );

  test("an empty folder that others may enter is closed to them", async () => {
    await mkdir(root);
    await chmod(root, 0o777);
    await Promise.all([store.setup(call()), directoryStore(root).setup(call())]);
    assert.equal((await lstat(root)).mode & 0o777, 0o700);
  });

  test("an open folder that holds other files is refused and left as it is", async () => {
    await mkdir(root);
    await chmod(root, 0o755);
    await writeFile(join(root, "notes.txt"), "mine");
    await expect(store.setup(call())).rejects.toThrow(/holds other files.*chmod 700/);
    assert.deepEqual(await readdir(root), ["notes.txt"]);
    assert.equal((await lstat(root)).mode & 0o777, 0o755);
    await chmod(root, 0o700);
    await store.setup(call());
  });

  test("a folder that a newer version wrote is refused by every call, and no file is written", async () => {
    await store.setup(call());
    await writeFile(join(root, "format"), "2\n");
    const before = await tree(root);
    const late = directoryStore(root);
    await expect(late.setup(call())).rejects.toMatchObject({ code: "ERR_SESSION_FORMAT" });
    await expect(late.create(record(), call())).rejects.toMatchObject({ code: "ERR_SESSION_FORMAT" });
    assert.deepEqual(await tree(root), before);
  });

  test.each(["", "one", "1", "-1\n", "\0\0"])(
    "a file format that holds %j is refused with what to do",
    async (text) => {
      await store.setup(call());
      await writeFile(join(root, "format"), text);
      await expect(directoryStore(root).setup(call())).rejects.toMatchObject({ code: "ERR_SESSION_CONFIG" });
    },
  );

  test("a file where the folder should be is an error that names the file system's reason", async () => {
    await writeFile(root, "");
    await expect(store.setup(call())).rejects.toMatchObject({
      code: expect.stringMatching(/EEXIST|ENOTDIR/),
    });
  });

  test("a set-up that failed is tried again by the next call", async () => {
    await writeFile(root, "");
    await expect(store.read(ID, call())).rejects.toThrow();
    await rm(root);
    assert.equal(await store.create(record(), call()), true);
  });

  test("an impossible path or durability throws at construction", () => {
    for (const path of ["", "a\0b", undefined]) {
      expect(() => directoryStore(path as string)).toThrow(/needs the path of a folder/);
    }
    expect(() => directoryStore(root, { durability: "forever" as "power" })).toThrow(/"process" or "power"/);
  });
});

describe("a folder that vanished", () => {
  test("is an outage for every call, not an empty store", async () => {
    await store.create(record(), call());
    await rm(root, { recursive: true });
    await mkdir(root);
    const unavailable = { code: "ERR_SESSION_STORE_UNAVAILABLE" };
    await expect(store.read(ID, call())).rejects.toMatchObject(unavailable);
    await expect(store.update(ID, change(), call())).rejects.toMatchObject(unavailable);
    await expect(store.delete(ID, {}, call())).rejects.toMatchObject(unavailable);
    await expect(store.listByLabel("user:1", { limit: 1 }, call())).rejects.toMatchObject(unavailable);
    await expect(store.deleteByLabel("user:1", [], call())).rejects.toMatchObject(unavailable);
    await expect(store.create(record(), call())).rejects.toMatchObject(unavailable);
    await expect(store.all({ limit: 1 }, call())).rejects.toThrow();
    await expect(store.sweep(NOW, 1, call())).rejects.toThrow();
    assert.deepEqual(await readdir(root), []);

    await store.setup(call());
    assert.equal(await store.read(ID, call()), null);
  });
});

describe("ids", () => {
  const malformed = [
    "",
    ".",
    "..",
    "../../../../etc/passwd",
    "a".repeat(23),
    "a".repeat(25),
    `${"a".repeat(23)}/`,
    `${"a".repeat(23)}\0`,
    `${"a".repeat(23)}\n`,
  ];

  test.each(malformed)("a malformed id %j is not there, and nothing is written", async (text) => {
    await store.setup(call());
    const id = text as SessionId;
    const before = await tree(root);
    assert.equal(await store.read(id, call()), null);
    assert.deepEqual(await store.update(id, change({ set: { a: "1" } }), call()), { kind: "gone" });
    assert.equal(await store.delete(id, {}, call()), "gone");
    await expect(store.create(record({ id }), call())).rejects.toMatchObject({ code: "ERR_SESSION_USE" });
    assert.deepEqual(await tree(root), before);
  });

  test("names on the disk are lower-case hexadecimal, so that ids that differ in case stay apart anywhere", async () => {
    const ids = ["a".repeat(24), "A".repeat(24), "aA".repeat(12), "_-".repeat(12)] as SessionId[];
    for (const id of ids) assert.ok(await store.create(record({ id }), call()));
    const paths = await tree(root);
    assert.equal(new Set(paths.map((path) => path.toLowerCase())).size, paths.length);
    for (const path of paths) assert.match(path, /^[a-z0-9./-]+$/);
  });
});

describe("newer records", () => {
  const newer = { code: "ERR_SESSION_FORMAT" };

  test.each(["a data file", "a pointer", "a field"])(
    "%s of a newer format is an outage, and survives",
    async (where) => {
      await store.create(record({ fields: where === "a field" ? { "~format": "2" } : {} }), call());
      const data = await fileIn(sessionFolder(root), "d.");
      if (where === "a data file") await overwrite(root, ID, '{"format":2,"anything":[]}');
      const pointer = await fileIn(sessionFolder(root), "p1.");
      if (where === "a pointer") await rename(pointer, pointer.replace("p1.", "p2."));

      await expect(store.read(ID, call())).rejects.toMatchObject(newer);
      await expect(store.update(ID, change({ set: { a: "1" } }), call())).rejects.toMatchObject(newer);
      await expect(store.delete(ID, { ifVersion: 1 }, call())).rejects.toMatchObject(newer);
      await expect(store.deleteByLabel("user:1", [], call())).rejects.toMatchObject(newer);
      assert.equal(await store.create(record(), call()), false);
      assert.deepEqual(await store.listByLabel("user:1", { limit: 9 }, call()), { records: [] });
      assert.deepEqual(await store.all({ limit: 9 }, call()), { records: [] });
      assert.ok((await lstat(data)).isFile());
      assert.equal(await store.delete(ID, {}, call()), "done", "a logout works all the same");
      assert.equal(await store.read(ID, call()), null);
    },
  );

  test("one record of a newer format does not keep the others of its label alive", async () => {
    for (const number of [1, 2, 3]) await store.create(record({ id: idOf(number) }), call());
    await overwrite(root, idOf(2), '{"format":2}');
    await expect(store.deleteByLabel("user:1", [], call())).rejects.toMatchObject(newer);
    assert.equal(await store.read(idOf(1), call()), null);
    assert.equal(await store.read(idOf(3), call()), null);
  });
});

describe("foreign files", () => {
  async function plant(): Promise<string[]> {
    const shard = join(root, "sessions", "ab");
    await mkdir(shard, { recursive: true });
    const planted = [
      join(root, "notes.txt"),
      join(root, "sessions", ".DS_Store"),
      join(root, "sessions", "zz"),
      join(shard, "x".repeat(36)),
      join(root, "temp", "c.notours"),
      join(root, "labels", "readme"),
      join(root, "expiry", "readme"),
      join(root, "expiry", "12"),
    ];
    for (const path of planted) await writeFile(path, "foreign");
    await mkdir(join(root, "expiry", "5", "folder"), { recursive: true });
    await writeFile(join(root, "expiry", "5", "note"), "foreign");
    return [...planted, join(root, "expiry", "5", "folder"), join(root, "expiry", "5", "note")];
  }

  test("are stepped over by every walk, and stay", async () => {
    await everythingOnce();
    const planted = await plant();
    assert.equal((await store.all({ limit: 9 }, call())).records.length, 1);
    assert.equal((await store.listByLabel("tenant:2", { limit: 9 }, call())).records.length, 1);
    assert.deepEqual(await store.sweep(Date.now() + 2 * HOUR, 100, call()), { deleted: 1, more: false });
    for (const path of planted) assert.ok(await lstat(path), path);
  });

  test("in a session's folder neither hide the session nor outlive it", async () => {
    await store.create(record(), call());
    await writeFile(join(sessionFolder(root), "Thumbs.db"), "foreign");
    await writeFile(join(sessionFolder(root), "d.short"), "foreign");
    assert.deepEqual(await store.read(ID, call()), record());
    assert.equal((await store.update(ID, change({ set: { a: "1" } }), call())).kind, "done");
    assert.equal(await store.delete(ID, {}, call()), "done");
    await expect(lstat(sessionFolder(root))).rejects.toThrow(/ENOENT/);
  });

  test("a left-over folder without a pointer is nothing, and its id is free", async () => {
    await store.create(record(), call());
    await rm(await fileIn(sessionFolder(root), "p1."));
    assert.equal(await store.read(ID, call()), null);
    assert.deepEqual(await store.update(ID, change(), call()), { kind: "gone" });
    assert.equal(await store.delete(ID, {}, call()), "gone");
    assert.equal(await store.create(record({ secretHash: "new" }), call()), true);
    assert.equal((await store.read(ID, call()))?.secretHash, "new");
    assert.equal((await readdir(sessionFolder(root))).length, 2);
  });

  test("a folder that cannot be cleared refuses a create with what to do, and does not loop", async () => {
    await mkdir(join(sessionFolder(root), "sub"), { recursive: true });
    await expect(store.create(record(), call())).rejects.toThrow(/Move it away/);
    assert.deepEqual(await readdir(join(root, "temp")), []);
    assert.deepEqual(await readdir(join(root, "labels")), []);
  });
});

describe("entries that lead nowhere", () => {
  async function plantEntry(label: string, id: SessionId, birth: string): Promise<string> {
    const labelFolder = join(root, "labels", hashOfLabel(label));
    await mkdir(labelFolder, { recursive: true });
    const entry = join(labelFolder, `${Buffer.from(id, "base64url").toString("hex")}.${birth}`);
    await writeFile(entry, "");
    return entry;
  }

  test("are never listed, and go when their label is listed; others of the page stay", async () => {
    for (const number of [1, 2, 3]) await store.create(record({ id: idOf(number) }), call());
    const stale = await plantEntry("user:1", idOf(4), "a".repeat(24));
    const second = await plantEntry("user:1", idOf(2), "b".repeat(24));
    assert.equal((await store.listByLabel("user:1", { limit: 9 }, call())).records.length, 3);
    await expect(lstat(stale)).rejects.toThrow(/ENOENT/);
    assert.ok(await lstat(second), "an entry beside a listed one is left to the record's end");
    assert.equal(await store.deleteByLabel("user:1", [], call()), 3);
  });

  test("are left alone while their creator may yet arrive", async () => {
    const { store: slow, arm } = await steppedStore(root);
    for (let at = 0; at < 60; at++) {
      const pause = new Pause(at);
      arm(pause.intercept);
      const work = slow.create(record(), call());
      const reached = await pause.stands(work);
      const listed = (await store.listByLabel("user:1", { limit: 9 }, call())).records.length;
      assert.equal(listed, (await store.read(ID, call())) === null ? 0 : 1);
      pause.resume();
      assert.equal(await work, true);
      assert.equal((await store.listByLabel("user:1", { limit: 9 }, call())).records.length, 1);
      await store.delete(ID, {}, call());
      if (!reached) return;
    }
    throw new Error("create has no end");
  });
});

describe("sweeping", () => {
  test("reads no record, and looks only at what is due", async () => {
    for (let number = 0; number < 20; number++) {
      await store.create(record({ id: idOf(number), expiresAt: NOW + number * HOUR }), call());
    }
    const { store: sweeper, arm } = await steppedStore(root);
    const steps: string[] = [];
    arm((step) => {
      steps.push(`${step.verb} ${step.path.replace(root, "").split("/")[1]}`);
      return step.run();
    });
    assert.deepEqual(await sweeper.sweep(NOW + 2 * HOUR, 100, call()), { deleted: 3, more: false });
    assert.equal(steps.filter((step) => step === "read sessions").length, 0);
    assert.equal(steps.filter((step) => step === "list sessions").length, 3);
  });

  test("moves the entry of a touched session to where it is due next, once", async () => {
    await store.create(record(), call());
    await store.update(ID, change({ expiresAt: NOW + 5 * HOUR }), call());
    const sweepers = [directoryStore(root), directoryStore(root), store];
    await Promise.all(sweepers.map((one) => one.sweep(NOW + 2 * HOUR, 100, call())));
    assert.deepEqual(await readdir(join(root, "expiry")), [String(Math.floor((NOW + 5 * HOUR) / 600_000))]);
    assert.equal((await store.sweep(NOW + 6 * HOUR, 100, call())).deleted, 1);
    assert.deepEqual(await readdir(join(root, "expiry")), []);
  });

  test("several at once delete each record once, while files vanish under them", async () => {
    const count = 60;
    for (let number = 0; number < count; number++) await store.create(record({ id: idOf(number) }), call());
    const sweepers = [directoryStore(root), directoryStore(root), store];
    const deletions = Array.from({ length: 10 }, (_, number) => store.delete(idOf(number * 3), {}, call()));
    const swept = await Promise.all(sweepers.map((one) => one.sweep(NOW + 2 * HOUR, 1000, call())));
    const deleted = (await Promise.all(deletions)).filter((outcome) => outcome === "done").length;
    assert.equal(
      swept.reduce((sum, one) => sum + one.deleted, deleted),
      count,
    );
    assert.deepEqual((await store.all({ limit: 9 }, call())).records, []);
  });

  test("takes what a killed creator left, and a creator that was only slow starts again", async () => {
    const { store: slow, arm } = await steppedStore(root);
    for (let at = 0; at < 60; at++) {
      const pause = new Pause(at);
      arm(pause.intercept);
      const work = slow.create(record(), call());
      const reached = await pause.stands(work);
      for (const name of await readdir(join(root, "temp"))) {
        await utimes(join(root, "temp", name), new Date(NOW), new Date(NOW));
      }
      await store.sweep(NOW + HOUR, 100, call());
      pause.resume();
      assert.equal(await work, true, `paused before step ${at}`);
      assert.equal(
        (await store.listByLabel("user:1", { limit: 9 }, call())).records.length,
        (await store.read(ID, call())) ? 1 : 0,
      );
      await store.delete(ID, {}, call());
      for (let time = 0; time < 2; time++) await store.sweep(Date.now() + 2 * HOUR, 9, call());
      const rest = (await tree(root)).filter((path) => !/^sessions\/[0-9a-f]{2}$/.test(path));
      assert.deepEqual(rest, ["expiry", "format", "labels", "sessions", "temp"]);
      if (!reached) return;
    }
    throw new Error("create has no end");
  });

  test("never lets half a session come to life, wherever the sweep stands when its creator goes on", async () => {
    const creator = await steppedStore(root);
    const sweeper = await steppedStore(root);
    for (let at = 0; at < 60; at++) {
      let goOn = (): void => {};
      const complete = new Promise<void>((resolve) => {
        creator.arm(async (step) => {
          if (step.verb !== "rename" || goOn.name === "done") return step.run();
          resolve();
          await new Promise<void>(
            (proceed) =>
              (goOn = function done() {
                proceed();
              }),
          );
          return step.run();
        });
      });
      const creating = creator.store.create(record(), call());
      await complete;
      for (const name of await readdir(join(root, "temp"))) {
        await utimes(join(root, "temp", name), new Date(NOW), new Date(NOW));
      }
      const pause = new Pause(at);
      sweeper.arm(pause.intercept);
      const sweeping = sweeper.store.sweep(NOW + HOUR, 100, call());
      const reached = await pause.stands(sweeping);
      goOn();
      assert.equal(await creating, true);
      assert.deepEqual(await store.read(ID, call()), record());
      pause.resume();
      await sweeping;
      await store.delete(ID, {}, call());
      if (!reached) return;
    }
    throw new Error("sweep has no end");
  });

  test("leaves alone what a creator at work has in temp", async () => {
    const { store: slow, arm } = await steppedStore(root);
    const pause = new Pause(9);
    arm(pause.intercept);
    const work = slow.create(record(), call());
    assert.ok(await pause.stands(work));
    await store.sweep(Date.now(), 100, call());
    assert.equal((await readdir(join(root, "temp"))).length, 1);
    pause.resume();
    assert.equal(await work, true);
  });
});

describe("cost", () => {
  async function stepsOf(work: (store: DirectoryStore) => Promise<unknown>): Promise<string[]> {
    const { store: counted, arm } = await steppedStore(root);
    const steps: string[] = [];
    arm((step) => {
      if (step.verb !== "settle") steps.push(step.verb);
      return step.run();
    });
    await work(counted);
    return steps;
  }

  test("a read lists one folder and reads one file; a miss lists and makes sure that the store is there", async () => {
    assert.deepEqual(await stepsOf((one) => one.read(ID, call())), ["list", "look"]);
    await store.create(record(), call());
    assert.deepEqual(await stepsOf((one) => one.read(ID, call())), ["list", "read"]);
  });

  test("a touch renames one file, and one that moves nothing writes nothing", async () => {
    await store.create(record(), call());
    const touch = change({ expiresAt: NOW + 2 * HOUR });
    assert.deepEqual(await stepsOf((one) => one.update(ID, touch, call())), ["list", "read", "rename"]);
    assert.deepEqual(await stepsOf((one) => one.update(ID, touch, call())), ["list", "read"]);
  });

  test("a change writes one file, renames one and removes one", async () => {
    await store.create(record(), call());
    const set = change({ set: { a: "1" } });
    assert.deepEqual(await stepsOf((one) => one.update(ID, set, call())), [
      "list",
      "read",
      "write",
      "rename",
      "unlink",
    ]);
  });

  test("writes of one process to one session wait for each other instead of trying again", async () => {
    await store.create(record(), call());
    const steps = await stepsOf((one) =>
      Promise.all(
        Array.from({ length: 50 }, (_, n) => one.update(ID, change({ set: { [`f${n}`]: "1" } }), call())),
      ),
    );
    assert.equal(steps.length, 250);
    assert.equal((await store.read(ID, call()))?.version, 51);
  });
});

describe("power", () => {
  test("a power store settles data before the pointer names it, and names before it answers", async () => {
    const durable = directoryStore(root, { durability: "power" });
    assert.equal(durable.traits.durability, "power");
    await durable.create(record(), call());
    assert.equal((await durable.update(ID, change({ set: { a: "1" } }), call())).kind, "done");
    assert.equal(await durable.deleteByLabel("user:1", [], call()), 1);
    assert.equal(await durable.read(ID, call()), null);

    const { store: watched, arm } = await steppedStore(root);
    await store.create(record(), call());
    const order: string[] = [];
    arm((step) => {
      order.push(step.verb);
      return step.run();
    });
    await watched.update(ID, change({ set: { a: "1" } }), call());
    assert.deepEqual(order, ["list", "read", "write", "settle", "rename", "settle", "unlink"]);
  });
});
