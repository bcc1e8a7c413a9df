import { createHash, randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { SessionChange, SessionId, SessionRecord } from "../../src/index.ts";
import { durableObjectStore, type SessionObjectNamespace } from "../../src/stores/durable-objects.ts";
import { runsIn, secretsFrom } from "../attacks/support/reader.ts";
import { idOf, NOW, recordOf } from "../stores/records.ts";
import { PROJECT } from "./support/bundle.ts";
import { withRuntime, WORKERD } from "./support/runtimes.ts";
import { withProject } from "./support/suites.ts";
import { describeTrial } from "./support/trial.ts";
import { JOINED } from "./support/quirks.ts";
import { startInWorkerd, Workerd } from "./support/workerd.ts";

const CALL = { signal: new AbortController().signal };
const HOUR = 3_600_000;
const PATIENT = { timeout: 20_000, interval: 20 };

withProject(PROJECT, () =>
  withRuntime(WORKERD, () => {
    describeTrial({
      contract: "store",
      name: "durable objects",
      start: () => startInWorkerd("store", "durable objects"),
    });
    describeTrial({
      contract: "adapter",
      name: "fetch, sessions in durable objects",
      broken: JOINED,
      start: () => startInWorkerd("adapter", "fetch", "durable objects"),
    });
    describe("the objects", () => objects());
    test("keep what was acknowledged when the runtime is killed", { timeout: 60_000 }, () => survives());
  }),
);

/** A store in one workerd, called from outside. */
class Remote {
  readonly workerd: Workerd;
  readonly prefix = `${randomUUID()}:`;

  constructor(workerd: Workerd) {
    this.workerd = workerd;
  }

  async call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    const { answer } = (await this.workerd.ask("call", {}, { method, args, prefix: this.prefix })) as {
      readonly answer: unknown;
    };
    return answer;
  }

  create(record: SessionRecord): Promise<unknown> {
    return this.call("create", record);
  }

  read(id: SessionId): Promise<SessionRecord | null> {
    return this.call("read", id) as Promise<SessionRecord | null>;
  }

  update(id: SessionId, change: Partial<SessionChange>): Promise<unknown> {
    return this.call("update", id, { now: NOW, epoch: 1, ...change });
  }

  async look(name: string): Promise<Look> {
    return (await this.#object(name, "~look")) as Look;
  }

  async ring(name: string): Promise<void> {
    await this.#object(name, "~alarm");
  }

  async #object(name: string, what: string): Promise<unknown> {
    return await this.workerd.ask("object", { name: `${this.prefix}${name}`, do: what });
  }
}

interface Look {
  readonly keys: readonly string[];
  readonly alarm: number | null;
}

function indexOf(label: string): string {
  return `label:${createHash("sha256").update(label).digest("base64url")}`;
}

function objects(): void {
  let workerd: Workerd;
  beforeAll(async () => {
    workerd = await Workerd.start("objects");
  }, 60_000);
  afterAll(() => workerd.stop());

  test("of an id that nobody has keeps nothing, however often it is asked", async () => {
    const remote = new Remote(workerd);
    const id = idOf("nobody");
    expect(await remote.read(id)).toBeNull();
    expect(await remote.update(id, { set: { a: "1" } })).toEqual({ kind: "gone" });
    expect(await remote.call("delete", id, {})).toBe("gone");
    expect(await remote.look(`record:${id}`)).toEqual({ keys: [], alarm: null });
  });

  test.each([
    ["sealed and peppered", true],
    ["as they come", false],
  ])("hold no secret, no token and no form token of sessions %s", async (_how, isSealed) => {
    await holdNothing(workerd, isSealed);
  });

  test("of a deleted session keeps nothing, and its entry is gone from the index", async () => {
    const remote = new Remote(workerd);
    const id = idOf("deleted");
    expect(await remote.create(recordOf("deleted", { labels: ["user:1", "tenant:7"] }))).toBe(true);
    expect((await remote.look(indexOf("user:1"))).keys).toHaveLength(1);
    expect(await remote.call("delete", id, {})).toBe("done");
    expect(await remote.look(`record:${id}`)).toEqual({ keys: [], alarm: null });
    for (const label of ["user:1", "tenant:7"]) expect((await remote.look(indexOf(label))).keys).toEqual([]);
  });

  test("of an expired session erases itself, some minutes after its expiry", async () => {
    const remote = new Remote(workerd);
    const id = idOf("expired");
    const now = Date.now();
    await remote.create(recordOf("expired", { labels: [], expiresAt: now - 6 * 60_000, endsAt: now + HOUR }));
    await vi.waitFor(
      async () => expect(await remote.look(`record:${id}`)).toEqual({ keys: [], alarm: null }),
      PATIENT,
    );
  });

  test("of a session that expired just now still has it, for clocks that are behind", async () => {
    const remote = new Remote(workerd);
    const id = idOf("justnow");
    const now = Date.now();
    const record = recordOf("justnow", { labels: [], expiresAt: now - 60_000, endsAt: now + HOUR });
    await remote.create(record);
    await remote.ring(`record:${id}`);
    expect(await remote.read(id)).toEqual(record);
    expect((await remote.look(`record:${id}`)).alarm).toBe(record.expiresAt + 300_000);
  });

  test("are rung at the earliest expiry, and again where a touch moved it", async () => {
    const remote = new Remote(workerd);
    const id = idOf("touched");
    const now = Date.now();
    await remote.create(recordOf("touched", { labels: [], expiresAt: now + HOUR, endsAt: now + 9 * HOUR }));
    await remote.update(id, { now, expiresAt: now + 2 * HOUR });
    expect((await remote.look(`record:${id}`)).alarm).toBe(now + HOUR + 300_000);
    await remote.ring(`record:${id}`);
    expect((await remote.look(`record:${id}`)).alarm).toBe(now + 2 * HOUR + 300_000);
    const renew = { secretHash: "n".repeat(43), nextEpoch: 1 };
    await remote.update(id, { now, renew, expiresAt: now + HOUR / 2 });
    expect((await remote.look(`record:${id}`)).alarm).toBe(now + HOUR / 2 + 300_000);
  });

  test("are rung at an expiry that is further off than the platform's alarms", async () => {
    const remote = new Remote(workerd);
    const end = Date.UTC(9999, 0, 1);
    await remote.create(recordOf("farahead", { expiresAt: end, endsAt: end }));
    const { alarm } = await remote.look(`record:${idOf("farahead")}`);
    expect(alarm).toBeGreaterThan(Date.now());
    await remote.ring(`record:${idOf("farahead")}`);
    expect(await remote.read(idOf("farahead"))).not.toBeNull();
  });

  test("of a label drop an entry past its end, and not before", async () => {
    const remote = new Remote(workerd);
    const now = Date.now();
    const label = "user:ends";
    await remote.create(recordOf("long", { labels: [label], expiresAt: now + HOUR, endsAt: now + HOUR }));
    await remote.create(recordOf("short", { labels: [label], expiresAt: now + HOUR, endsAt: now - HOUR }));
    await remote.ring(indexOf(label));
    const { keys, alarm } = await remote.look(indexOf(label));
    expect(keys.map((key) => key.split(":")[1])).toEqual([idOf("long")]);
    expect(alarm).toBe(now + HOUR + 300_000);
  });

  test("of labels have one entry a session, whatever was tried and refused", async () => {
    const remote = new Remote(workerd);
    const record = recordOf("single", { labels: ["user:single"] });
    expect(await remote.create(record)).toBe(true);
    expect(await remote.create(record)).toBe(false);
    const renew = { secretHash: "n".repeat(43), nextEpoch: 2, labels: ["user:single", "user:other"] };
    expect(await remote.update(record.id, { ifVersion: 9, renew })).toMatchObject({ kind: "conflict" });
    expect((await remote.look(indexOf("user:single"))).keys).toHaveLength(1);
    expect((await remote.look(indexOf("user:other"))).keys).toEqual([]);
  });

  test("of labels follow a renewal: the entries that lead nowhere are gone, those that last too short are replaced", async () => {
    const remote = new Remote(workerd);
    const record = recordOf("renewed", { labels: ["user:a", "user:b"] });
    await remote.create(record);
    const before = (await remote.look(indexOf("user:a"))).keys;
    const renew = {
      secretHash: "n".repeat(43),
      nextEpoch: 2,
      labels: ["user:a", "user:c"],
      endsAt: record.endsAt + 1,
    };
    expect(await remote.update(record.id, { renew })).toEqual({ kind: "done", version: 2 });
    const after = (await remote.look(indexOf("user:a"))).keys;
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
    expect((await remote.look(indexOf("user:b"))).keys).toEqual([]);
    expect((await remote.look(indexOf("user:c"))).keys).toHaveLength(1);
    const again = { secretHash: "m".repeat(43), nextEpoch: 3 };
    expect(await remote.update(record.id, { epoch: 2, renew: again })).toEqual({ kind: "done", version: 3 });
    expect((await remote.look(indexOf("user:a"))).keys).toEqual(after);
  });
}

/** Everything that a client was given and that opens something, and everything that the objects hold. */
interface Dump {
  readonly cookies: readonly string[];
  readonly formTokens: readonly string[];
  readonly csrfTokens: readonly string[];
  readonly held: readonly (readonly [object: string, entries: readonly (readonly [string, unknown])[]])[];
}

/** A reader of all that is stored can neither open nor forge a session (promise P7; ASVS 7.2.1; CVE-2019-16782). */
async function holdNothing(workerd: Workerd, isSealed: boolean): Promise<void> {
  const value = `canary-${randomUUID()}`;
  const asked = { prefix: `${randomUUID()}:`, value, ...(isSealed && { sealed: "yes" }) };
  const { held, cookies, formTokens, csrfTokens } = (await workerd.ask("dump", asked)) as Dump;
  // As the objects read it, texts inside texts as they are, and as it lies on the disk.
  const dump = textsIn(held).join("\n") + (await bytesBelow(workerd.folder));
  expect([cookies.length, formTokens.length, csrfTokens.length]).toEqual([6, 6, 3]);
  for (const cookie of cookies) {
    expect(cookie).toMatch(/^[\w-]{56}$/);
    expect(dump).toContain(cookie.slice(0, 24));
    expect(dump).not.toContain(cookie.slice(24));
  }
  for (const token of formTokens) expect(dump).not.toContain(token);
  expect(csrfTokens.map((token) => dump.includes(token))).toEqual(csrfTokens.map(() => !isSealed));
  expect(dump.includes(value)).toBe(!isSealed);
  // Nor is any part of it the secret behind a hash that is there.
  const secrets = secretsFrom(runsIn(textsIn(held).join("\n")));
  expect(secrets.size).toBeGreaterThan(1000);
  for (const cookie of cookies) expect(secrets.has(cookie.slice(24))).toBe(false);
}

function textsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [String(value)];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...textsIn(inner)]);
}

async function bytesBelow(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = files.map(async (file) =>
    (await readFile(join(file.parentPath, file.name))).toString("latin1"),
  );
  return (await Promise.all(texts)).join("\n");
}

/** Adds to a counter from several clients until the runtime is killed among them; what they were told must be there afterwards. */
async function survives(): Promise<void> {
  const first = await Workerd.start("killed");
  let second: Workerd | undefined;
  try {
    const remote = new Remote(first);
    const counter = recordOf("counter", { labels: ["user:1"], fields: {} });
    await remote.create(counter);
    await remote.create(recordOf("out"));
    await remote.call("delete", idOf("out"), {});
    const acknowledged: string[] = [];
    const clients = Array.from({ length: 4 }, async (_none, client) => {
      for (let count = 0; ; count += 1) {
        const field = `f${client}x${count}`;
        const outcome = await remote.update(counter.id, { set: { [field]: "1" } }).catch(() => null);
        if (outcome === null) return;
        acknowledged.push(field);
      }
    });
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(40), PATIENT);
    await first.kill();
    await Promise.all(clients);

    second = await Workerd.start("killed", first.folder);
    const again = new Remote(second);
    Object.assign(again, { prefix: remote.prefix });
    const record = await again.read(counter.id);
    expect(acknowledged.filter((field) => record?.fields[field] !== "1")).toEqual([]);
    // What was under way may be there too, but nothing else: each of four clients had one request at most.
    expect(Object.keys(record?.fields ?? {}).length).toBeLessThanOrEqual(acknowledged.length + 4);
    expect(record?.version).toBe(1 + Object.keys(record?.fields ?? {}).length);
    expect(await again.read(idOf("out"))).toBeNull();
    const page = (await again.call("listByLabel", "user:1", { limit: 10 })) as {
      readonly records: readonly SessionRecord[];
    };
    expect(page.records.map(({ id }) => id)).toEqual([counter.id]);
  } finally {
    await (second ?? first).stop();
  }
}

/** A platform that fails so many times, in one way, and then answers that there is no record. */
function failing(
  times: number,
  error: object,
): { readonly namespace: SessionObjectNamespace; count(): number } {
  let asked = 0;
  const stub = {
    fetch: async () => {
      asked += 1;
      if (asked <= times) throw Object.assign(new Error("the platform's trouble"), error);
      return Response.json({ kind: "answer", answer: null });
    },
  };
  return { namespace: { idFromName: () => ({}), get: () => stub }, count: () => asked };
}

describe("the platform's trouble", () => {
  test("is met by asking again, when that can help and nothing is written", async () => {
    const { namespace, count } = failing(2, { retryable: true });
    expect(await durableObjectStore(namespace).read(idOf("a"), CALL)).toBeNull();
    expect(count()).toBe(3);
  });

  test("is told after three times", async () => {
    const { namespace, count } = failing(9, { retryable: true });
    await expect(durableObjectStore(namespace).read(idOf("a"), CALL)).rejects.toThrow(
      "the platform's trouble",
    );
    expect(count()).toBe(3);
  });

  test("is told at once when the object is overloaded, or asking again cannot help", async () => {
    for (const error of [{ retryable: true, overloaded: true }, {}]) {
      const { namespace, count } = failing(1, error);
      await expect(durableObjectStore(namespace).read(idOf("a"), CALL)).rejects.toThrow(
        "the platform's trouble",
      );
      expect(count()).toBe(1);
    }
  });

  test("never sends a write twice", async () => {
    const { namespace, count } = failing(1, { retryable: true });
    const store = durableObjectStore(namespace);
    await expect(store.update(idOf("a"), { now: NOW, epoch: 1 }, CALL)).rejects.toThrow(
      "the platform's trouble",
    );
    expect(count()).toBe(1);
  });
});

describe("durableObjectStore refuses", () => {
  test.each([
    ["what is no binding", undefined],
    ["the object of a session", { fetch: () => undefined }],
  ])("%s", (_what, namespace) => {
    expect(() => durableObjectStore(namespace as never)).toThrow(
      expect.objectContaining({ code: "ERR_SESSION_CONFIG" }),
    );
  });

  test.each([{ prefiks: "a" }, { prefix: 7 }])("the options %j", (options) => {
    const { namespace } = failing(0, {});
    expect(() => durableObjectStore(namespace, options as never)).toThrow(
      expect.objectContaining({ code: "ERR_SESSION_CONFIG" }),
    );
  });
});
