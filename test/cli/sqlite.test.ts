import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { openStore } from "../../src/open-store.ts";
import { begin, ran, run, temporaryFolder } from "./support.ts";

const NOBODY = "A".repeat(24);

/** A file with sessions of two users and of nobody. */
async function filled() {
  const folder = temporaryFolder();
  const url = `file:${join(folder, "sessions.db")}`;
  const ids = await begin(url, [{ user: "42" }, { user: "42" }, { user: "7" }, {}]);
  return { folder, url, ids };
}

describe("list", () => {
  test("lists live sessions, and those of a user the last used first", async () => {
    const { url, ids } = await filled();
    const all = await run(["list", url]);
    expect(all.code).toBe(0);
    for (const id of ids) expect(all.printed).toContain(id);
    expect(all.printed).toMatch(/^ID +USER +AGE +IDLE +ENDS IN +FROM\n/);
    expect(all.printed).toMatch(/ nobody +\d+s +\d+s +23h 59m +192\.0\.2\.7 Mozilla\/5\.0 Firefox/);
    const { printed } = await run(["list", url, "--user", "42", "--json"]);
    const { sessions, more } = JSON.parse(printed) as { sessions: object[]; more: boolean };
    expect(more).toBe(false);
    expect(sessions).toHaveLength(2);
    expect(Object.keys(sessions[0] ?? {})).toEqual([
      "id",
      "user",
      "authenticated",
      "live",
      "createdAt",
      "accessedAt",
      "expiresAt",
      "endsAt",
      "address",
      "userAgent",
      "labels",
      "sealed",
    ]);
  });

  test("lists no mark, nothing that has expired, and no more than asked for", async () => {
    const { url } = await filled();
    expect((await run(["revoke", "--user", "7", "--yes", url])).code).toBe(0);
    const { printed, complained } = await run(["list", url, "--limit", "2", "--json"]);
    expect(JSON.parse(printed)).toMatchObject({ more: true, sessions: { length: 2 } });
    expect(complained).toBe("");
    expect((await run(["list", url, "--limit", "2"])).complained).toMatch(/more than 2 sessions.*--limit/);
    const rest = JSON.parse((await run(["list", url, "--json"])).printed) as { sessions: object[] };
    expect(rest.sessions).toHaveLength(3);
    const later = await run(["list", url], { now: () => Date.now() + 40 * 86_400_000 });
    expect(later.printed).toBe("No sessions.\n");
  });

  test("takes the store from --store and from the environment too", async () => {
    const { url, ids } = await filled();
    for (const trial of [
      run(["list", "--store", url]),
      run(["list"], { environment: { HOLDFAST_STORE: url } }),
    ])
      expect((await trial).printed).toContain(ids[0]);
    expect(await run(["list"])).toMatchObject({
      code: 2,
      complained: expect.stringContaining("HOLDFAST_STORE") as string,
    });
  });
});

describe("show", () => {
  test("prints names and sizes of fields, and values only when asked", async () => {
    const { url, ids } = await filled();
    const id = ids[0] ?? "";
    const redacted = await run(["show", id, url]);
    expect(redacted.code).toBe(0);
    expect(redacted.printed).toMatch(/cart +8 B +redacted/);
    expect(redacted.printed).not.toContain("rope");
    expect((await run(["show", id, url, "--json"])).printed).not.toContain("rope");
    expect((await run(["show", id, url, "--reveal"])).printed).toMatch(/cart +8 B +\["rope"\]/);
    const { fields } = JSON.parse((await run(["show", id, url, "--reveal", "--json"])).printed) as {
      fields: object[];
    };
    expect(fields).toContainEqual({
      name: "cart",
      bytes: 8,
      sealed: false,
      reserved: false,
      value: ["rope"],
    });
  });

  test("P7: never shows what guards a session, not even when asked", async () => {
    const { url } = await filled();
    const store = await openStore(url);
    const now = Date.now();
    const fields = { "~csrf": '"guard"', "~rotation": '{"at":1,"mask":"guard"}', "~form": '["guard"]' };
    const record = { epoch: 1, version: 1, secretHash: "guard", labels: [], createdAt: now, accessedAt: now };
    const ends = { expiresAt: now + 60_000, endsAt: now + 60_000 };
    const call = { signal: new AbortController().signal };
    await store.create({ id: "B".repeat(24) as never, ...record, ...ends, fields }, call);
    await store.close();
    for (const flags of [["--reveal"], ["--reveal", "--json"], ["--json"], []]) {
      const { code, printed } = await run(["show", "B".repeat(24), url, ...flags]);
      expect([code, printed.includes("guard")]).toEqual([0, false]);
    }
  });

  test("tells what is not there by 1, and what is no id by 2", async () => {
    const { url } = await filled();
    expect(await run(["show", NOBODY, url])).toMatchObject({ code: 1, printed: "" });
    expect(await run(["show", "mistyped", url])).toMatchObject({ code: 2, printed: "" });
  });
});

describe("sealed sessions", () => {
  const SEAL = { seal: { keys: [{ id: "k1", key: randomBytes(32).toString("base64url") }] } };

  test("are shown as sealed, by the labels that stores find them by", async () => {
    const url = `file:${join(temporaryFolder(), "sealed.db")}`;
    const [id = ""] = await begin(url, [{ user: "42" }], SEAL);
    expect((await run(["list", url])).printed).toMatch(/ 42 .* sealed\n/);
    const { printed } = await run(["show", id, url, "--reveal"]);
    expect(printed).toMatch(/cart +\d+ B +sealed\n/);
    expect(printed).toMatch(/User +42\n/);
    expect(JSON.parse((await run(["stats", url, "--json"])).printed)).toMatchObject({ sealed: 1, users: 1 });
  });

  test("of a user are revoked by the manager that has the keys alone", async () => {
    const folder = temporaryFolder();
    const url = `file:${join(folder, "sealed.db")}`;
    await begin(url, [{ user: "42" }, { user: "42" }], SEAL);
    for (const target of [["--user", "42"], ["--all"]]) {
      expect(await run(["revoke", ...target, "--yes", url])).toMatchObject({
        code: 4,
        complained: expect.stringContaining("--manager") as string,
      });
    }
    const root = fileURLToPath(new URL("../../src/", import.meta.url));
    writeFileSync(
      join(folder, "sessions.mjs"),
      `import { SessionManager } from ${JSON.stringify(`${root}index.ts`)};
       import { openStore } from ${JSON.stringify(`${root}open-store.ts`)};
       export const sessions = new SessionManager({ store: await openStore(${JSON.stringify(url)}), ...${JSON.stringify(SEAL)} });`,
    );
    const args = ["revoke", "--user", "42", "--yes", "--manager", "./sessions.mjs"];
    expect(await ran(args, { folder })).toMatchObject({ code: 0, printed: "Ended 2 sessions.\n" });
  });
});

describe("revoke", () => {
  test("ends one session without a question, and tells when there was none", async () => {
    const { url, ids } = await filled();
    expect(await run(["revoke", ids[0] ?? "", url])).toMatchObject({
      code: 0,
      printed: "Ended 1 session.\n",
    });
    expect(await run(["revoke", ids[0] ?? "", "--store", url])).toMatchObject({ code: 1 });
    expect(await run(["revoke", ids[1] ?? "", url, "--json"])).toMatchObject({
      printed: '{\n  "revoked": 1\n}\n',
    });
  });

  test("asks before it ends many, and ends none without a yes", async () => {
    const { url } = await filled();
    const asked: string[] = [];
    const answering = (answer: string) => ({
      interactive: true,
      ask: async (question: string) => {
        asked.push(question);
        return answer;
      },
    });
    expect(await run(["revoke", "--user", "42", url], answering(""))).toMatchObject({ code: 130 });
    expect(asked).toEqual(["End 2 sessions of user 42? [y/N] "]);
    expect(await run(["revoke", "--user", "42", url], answering("y"))).toMatchObject({
      code: 0,
      printed: "Ended 2 sessions.\n",
    });
    expect(await run(["revoke", "--all", url], answering("no"))).toMatchObject({ code: 130 });
    expect(asked.at(-1)).toContain("Everybody has to log in again");
    expect(await run(["revoke", url, "--all", "--yes"])).toMatchObject({ printed: "Ended 2 sessions.\n" });
    expect((await run(["list", url])).printed).toBe("No sessions.\n");
  });

  test("wants --yes where nobody can be asked, and one target", async () => {
    const { url, ids } = await filled();
    for (const args of [["--all"], ["--user", "42"], [], [ids[0] ?? "", "--all"]])
      expect(await run(["revoke", ...args, "--store", url])).toMatchObject({ code: 2, printed: "" });
  });

  test("P2: a login that was under way while a user was revoked is void", async () => {
    const { url } = await filled();
    expect((await run(["revoke", "--user", "42", "--yes", url])).code).toBe(0);
    expect(JSON.parse((await run(["stats", url, "--json"])).printed)).toMatchObject({ marks: 1 });
  });
});

describe("stats and sweep", () => {
  test("count kinds, sizes and ages; what has expired goes", async () => {
    const { url } = await filled();
    const { printed } = await run(["stats", url, "--json"]);
    expect(JSON.parse(printed)).toMatchObject({
      store: url,
      live: 4,
      authenticated: 3,
      anonymous: 1,
      users: 2,
      idle: 0,
      expired: 0,
      sizes: { largest: expect.any(Number) as number },
      ages: [{ within: "≤ 1 h", withinMs: 3_600_000, sessions: 4 }, {}, {}, {}, {}, { withinMs: null }],
    });
    const idle = await run(["stats", url, "--idle", "1m"], { now: () => Date.now() + 3_700_000 });
    expect(idle.printed).toMatch(/^Idle +4 sessions$/m);
    expect(idle.printed).toMatch(/^≤ 1 d +4 +█{40}$/m);
    const later = { now: () => Date.now() + 40 * 86_400_000 };
    expect(JSON.parse((await run(["stats", url, "--json"], later)).printed)).toMatchObject({
      live: 0,
      expired: 4,
    });
    expect((await run(["sweep", url], later)).printed).toBe("Deleted 4 expired records.\n");
    expect((await run(["sweep", url, "--json"], later)).printed).toBe(
      '{\n  "deleted": 0,\n  "byItself": false\n}\n',
    );
  });
});

describe("the program as a process", () => {
  test("sets up, lists, and ends by itself", async () => {
    const folder = temporaryFolder();
    expect(await ran(["setup", "file:new.db"], { folder })).toMatchObject({
      code: 0,
      printed: "file:new.db is ready.\n",
    });
    const environment = { HOLDFAST_STORE: "file:new.db" };
    expect(await ran(["list"], { folder, environment })).toMatchObject({
      code: 0,
      printed: "No sessions.\n",
      complained: "",
    });
  });

  test("makes no file for a name that was mistyped", async () => {
    const folder = temporaryFolder();
    for (const command of ["list", "stats", "doctor", "sweep"])
      expect(await ran([command, "file:typo.db"], { folder })).toMatchObject({
        code: 4,
        complained: expect.stringContaining("There is no typo.db") as string,
      });
    expect(existsSync(join(folder, "typo.db"))).toBe(false);
  });

  test("tells that a store is not set up", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "empty.db"), "");
    expect(await ran(["list", "file:empty.db"], { folder })).toMatchObject({
      code: 4,
      complained: expect.stringContaining("holdfast setup") as string,
    });
  });

  test("ends cleanly when who reads has seen enough", async () => {
    const folder = temporaryFolder();
    await begin(
      `file:${join(folder, "many.db")}`,
      Array.from({ length: 400 }, () => ({ user: "42" })),
    );
    const program = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
    const line = `"${process.execPath}" "${program}" list file:many.db --limit 1000 --json | head -n 1; echo "$" \${PIPESTATUS[0]}`;
    const child = spawn("bash", ["-c", line], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stdout.on("data", (text: Buffer) => (said += text.toString()));
    child.stderr.on("data", (text: Buffer) => (said += text.toString()));
    await once(child, "close");
    expect(said).toBe("{\n$ 0\n");
  });

  test("has no colours without a terminal", async () => {
    const folder = temporaryFolder();
    await begin(`file:${join(folder, "a.db")}`, [{ user: "42" }]);
    const { printed } = await ran(["list", "file:a.db"], { folder, environment: { FORCE_COLOR: "1" } });
    expect(printed).not.toContain("\u001b");
  });
});

describe("doctor", () => {
  test("finds a healthy file healthy, by 0", async () => {
    const { url } = await filled();
    const { code, printed } = await run(["doctor", url, "--json"]);
    const { healthy, findings } = JSON.parse(printed) as { healthy: boolean; findings: { check: string }[] };
    expect([code, healthy]).toEqual([0, true]);
    expect(findings.map(({ check }) => check)).toEqual([
      "permissions",
      "file system",
      "disk",
      "version",
      "journal_mode",
      "soundness",
      "schema",
      "rights",
    ]);
  });

  test("finds a file that others can read, an index that is gone, and a journal that is not WAL, by 1", async () => {
    const { folder, url } = await filled();
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(join(folder, "sessions.db"));
    database.exec("DROP INDEX holdfast_sessions_by_expiry; PRAGMA journal_mode = DELETE");
    database.close();
    chmodSync(join(folder, "sessions.db"), 0o644);
    const { code, printed } = await run(["doctor", url, "--read-only"]);
    expect(code).toBe(1);
    expect(printed).toMatch(/✗ error +permissions .*open to others \(644\)[^\n]*\n +→ chmod 600 /);
    expect(printed).toMatch(
      /✗ error +schema +missing: holdfast_sessions_by_expiry\n +→ Run `holdfast setup`/,
    );
    expect(printed).toMatch(/! warning +journal_mode +delete/);
    expect(printed).toMatch(/\n2 errors, 1 warning\.\n$/);
  });

  test("finds a file that is no database", async () => {
    const folder = temporaryFolder();
    writeFileSync(
      join(folder, "none.db"),
      "this is no database, and long enough to be read as one".repeat(30),
      { mode: 0o600 },
    );
    const { code, printed } = await run(["doctor", `file:${join(folder, "none.db")}`]);
    expect(code).toBe(1);
    expect(printed).toMatch(/✗ error +file +cannot be read/);
  });

  test.each([
    ["a folder", (folder: string) => `file:${join(folder, "sessions")}/`, "sessions", 0o755, "700"],
    ["LMDB", (folder: string) => `lmdb:${join(folder, "sessions.lmdb")}`, "sessions.lmdb", 0o640, "600"],
  ])("looks at %s too", async (_name, urlIn, name, mode, right) => {
    const folder = temporaryFolder();
    const url = urlIn(folder);
    expect((await run(["setup", url])).code).toBe(0);
    const sound = await run(["doctor", url]);
    expect([sound.code, sound.printed]).toEqual([0, expect.stringContaining("✓ ok      rights")]);
    chmodSync(join(folder, name), mode);
    const { code, printed } = await run(["doctor", url, "--read-only"]);
    expect(code).toBe(1);
    expect(printed).toContain(`→ chmod ${right} ${join(folder, name)}`);
  });
});
