import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { SessionId, SessionRecord } from "../../src/index.ts";
import { directoryStore } from "../../src/stores/directory.ts";
import { codeOf, done, loggedIn, recordsOf, rig, seen, stored, visit } from "../races/rig.ts";
import { everyStore } from "../races/stores.ts";
import { COOKIE, HOSTILE, served } from "./support.ts";

everyStore((open) => {
  test("rows 10, 11, 12: an id of anybody's making opens, ends and lists nothing, and reaches no file, key or row", async () => {
    const where = rig({ store: await open() });
    const cookie = await loggedIn(where, "admin", { kept: 1 });
    where.faulty.forget();
    for (const id of [
      ...HOSTILE,
      "A".repeat(23),
      `${"A".repeat(23)}/`,
      `${"A".repeat(23)}\n`,
      "\u00e9".repeat(24),
    ]) {
      expect(await where.manager.revoke(id as SessionId)).toBe(false);
      expect(await where.manager.hasSession(id as SessionId)).toBe(false);
      expect(await seen(where, `${COOKIE}=${id}`)).toBeNull();
      expect(await codeOf(where.manager.revokeUser("admin", { except: id as SessionId }))).toBe(
        "ERR_SESSION_USE",
      );
    }
    expect(where.faulty.calls).toEqual([]);
    expect(await seen(where, cookie)).toEqual({ kept: 1 });
  });

  test("rows 10, 11, 12: a user's name, label, tenant or device is nobody else's, whatever it is made of", async () => {
    const where = rig({ store: await open() });
    const admin = await loggedIn(where, "admin");
    const names = HOSTILE.filter((name) => name !== " ");
    const labelOf = (name: string): string => `of ${name}`.slice(0, 200);
    const enter = (name: string): Promise<unknown> =>
      done(where, undefined, (session) => {
        session.login(name, { labels: [labelOf(name)], tenant: name, device: name });
      });
    const listed = async (name: string): Promise<unknown> =>
      (await where.manager.sessionsOf(name)).map(({ user }) => user);
    await Promise.all(names.map(enter));
    expect(await Promise.all(names.map(listed))).toEqual(names.map((name) => [name]));
    expect(await Promise.all(names.map((name) => listed(`${name}x`.slice(-200))))).toEqual(
      names.map(() => []),
    );
    const scopes = [
      (name: string) => ({ user: name }),
      (name: string) => ({ tenant: name }),
      (name: string) => ({ device: name }),
      (name: string) => ({ label: labelOf(name) }),
    ];
    const revoke = (name: string, index: number): Promise<number> =>
      where.manager.revokeWhere(scopes[index % scopes.length]?.(name) ?? {});
    expect(await Promise.all(names.map(revoke))).toEqual(names.map(() => 1));
    expect(await seen(where, admin)).not.toBeNull();
    expect(await recordsOf(where)).toHaveLength(1);
  });

  test("rows 10, 12, 13: names and values of fields are texts to every store, `__proto__` among them", async () => {
    const where = rig({ store: await open() });
    const cookie = await stored(where);
    const isRefused = (name: string): boolean =>
      name === "__proto__" || name.length > 128 || /[\u0000-\u001f]/.test(name);
    const polluting = (text: string): unknown =>
      JSON.parse(`{"__proto__":{"admin":true},"text":${JSON.stringify(text)}}`);
    const one = await visit(where, cookie);
    for (const name of HOSTILE) {
      const code = await codeOf(() => void one.session.set(name, { [name]: name, evil: polluting(name) }));
      expect([name, code]).toEqual([name, isRefused(name) ? "ERR_SESSION_USE" : "no error"]);
    }
    one.session.set(
      "all",
      HOSTILE.map((name) => polluting(name)),
    );
    await one.finish();
    const { session } = await visit(where, cookie);
    expect(session.get("all")).toEqual(HOSTILE.map((name) => polluting(name)));
    for (const name of HOSTILE.filter((name) => !isRefused(name)))
      expect(session.get(name)).toEqual({ [name]: name, evil: polluting(name) });
    expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
    expect(await recordsOf(where)).toHaveLength(1);
  });
});

describe("over a socket", () => {
  const VALUES = [
    ...HOSTILE,
    `${"A".repeat(55)}/`,
    `../${"A".repeat(53)}`,
    "A".repeat(8000),
    `${"A".repeat(56)}\u00e9`,
  ]
    .map((text) =>
      Buffer.from(text)
        .toString("latin1")
        .replaceAll(/[\r\n\0;]/g, ""),
    )
    .filter((text) => text.trim() !== "");

  test("rows 10, 11: a traversal in the cookie makes and reads no file (CVE-2024-3400, CVE-2025-24813)", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-attack-"));
    try {
      const root = join(folder, "sessions");
      const { app, manager } = await served({ store: directoryStore(root) });
      await app.send("/put");
      const before = readdirSync(folder, { recursive: true }).length;
      for (const value of VALUES) {
        const reply = await app.send("/who", { headers: [["Cookie", `${COOKIE}=${value}`]] });
        expect([reply.status, reply.body, reply.cookies]).toEqual([200, "nobody", []]);
      }
      expect(readdirSync(folder, { recursive: true })).toHaveLength(before);
      expect(readdirSync(folder)).toEqual(["sessions"]);
      await manager.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("row 12: a line in a cookie, a query or a location becomes none of the answer", async () => {
    const { app } = await served();
    for (const text of ["%0d%0aSet-Cookie:%20evil=1", "%0aX-Evil:%201", "%E5%98%8A%E5%98%8DX-Evil:1"]) {
      for (const path of [`/put?to=${text}`, `/login?user=${text}`]) {
        const reply = await app.send(path, { headers: [["Cookie", `${COOKIE}=${text}`]] });
        expect(JSON.stringify(reply.headers)).not.toMatch(/evil/i);
      }
    }
  });

  test("row 21: a folder of sessions is its owner's alone, and one that others could have made is refused", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-attack-"));
    try {
      const root = join(folder, "sessions");
      const where = rig({ store: directoryStore(root) });
      await stored(where);
      expect(existsSync(root)).toBe(true);
      const open = readdirSync(root, { recursive: true, encoding: "utf8" })
        .map((name) => join(root, name))
        .concat(root)
        .filter((path) => (statSync(path).mode & 0o077) !== 0);
      expect(open).toEqual([]);
      await where.manager.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("row 4: what a store holds is no cookie (CVE-2019-16782)", () => {
  test("neither an id alone, nor an id with any hash of the record for its secret", async () => {
    const where = rig({ rotateEvery: "10m" });
    const first = await loggedIn(where, "ann");
    where.clock.advance(700_000);
    const second = await done(where, first, () => undefined);
    const [record] = (await recordsOf(where)) as [SessionRecord];
    const texts = JSON.stringify(record).match(/[\w-]{32,}/g) ?? [];
    expect(texts.length).toBeGreaterThan(1);
    for (const text of texts)
      for (const value of [record.id, record.id + text.slice(0, 32), record.id + text.slice(-32)])
        expect(await seen(where, `${COOKIE}=${value}`)).toBeNull();
    expect(await seen(where, second)).not.toBeNull();
  });
});
