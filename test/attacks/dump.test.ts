import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AtRest, resolveAtRest } from "../../src/core/at-rest.ts";
import { asRotation, reservedValue, ROTATION } from "../../src/core/reserved.ts";
import { type AnyStore, type Session, type SessionRecord, Token } from "../../src/index.ts";
import { ENGINES, type EngineName, need } from "../races/support/engines.ts";
import { openPlace } from "../races/support/places.ts";
import { atRest } from "../support/at-rest.ts";
import { withServers } from "../support/servers/programs.ts";
import { site } from "../support/site.ts";
import { dumpOf } from "./support/dump.ts";
import { partsOf, runsIn, secretsFrom } from "./support/reader.ts";

// A reader of the whole store can neither open nor forge a session (promise P7; ASVS 7.2.1; CVE-2019-16782).

const NAME = "__Host-Http-sid";
const CALL = { signal: new AbortController().signal };
const START_MS = 120_000;
const ENGINES_HERE: readonly EngineName[] = [
  "memory",
  "directory",
  "sqlite",
  "lmdb",
  "redis",
  "redis cluster",
  "postgres",
  "pgbouncer",
  "mariadb",
  "mysql",
];
const PROTECTIONS = [
  // First: what an engine holds is dumped whole.
  ["sealed and peppered", atRest("a", "b")],
  ["as it comes", {}],
] as const;
/** In no field's name, and in no label: whoever finds one of these has read a value. */
const VALUES = ["Elmstreet-17-canary", "flash-canary", "user-agent-canary", "pwd-canary"];

/** Everything that a client was given and that opens something, and the store that it opens it from. */
interface Scene {
  readonly where: ReturnType<typeof site>;
  readonly store: AnyStore;
  readonly cookies: readonly string[];
  readonly formTokens: readonly string[];
  readonly csrfTokens: readonly string[];
  readonly records: readonly SessionRecord[];
  readonly dump: string;
}

for (const engine of ENGINES_HERE)
  withServers(ENGINES[engine].needs, () => {
    const needed = need(engine);
    describe(`a dump of ${engine}`, () => {
      beforeAll(async () => void (await needed.running()), START_MS);
      afterAll(() => needed.over(), START_MS);
      describe.each(PROTECTIONS)("%s", (_, protection) => {
        let scene: Scene;
        beforeAll(async () => {
          scene = await play(engine, protection);
        }, START_MS);
        afterAll(async () => scene.store.close?.());
        rules(() => scene, protection);
      });
    });
  });

function rules(at: () => Scene, protection: Parameters<typeof play>[1]): void {
  const sealed = protection.seal !== undefined;

  test("is a dump: it has every session's id, and what the sessions hold only where it is not sealed", () => {
    const { dump, records } = at();
    expect(records.filter(({ secretHash }) => secretHash !== "").length).toBeGreaterThan(4);
    for (const { id } of records) expect(dump).toContain(id);
    for (const value of VALUES) expect([value, dump.includes(value)]).toEqual([value, !sealed]);
  });

  test("holds no token, no secret and no form token; a session's CSRF token only where it is not sealed", () => {
    const { dump, cookies, formTokens, csrfTokens } = at();
    for (const cookie of cookies) {
      expect(dump).not.toContain(cookie);
      expect(dump).not.toContain(cookie.slice(24));
    }
    for (const token of formTokens) expect(dump).not.toContain(token);
    expect(csrfTokens.map((token) => dump.includes(token))).toEqual(csrfTokens.map(() => !sealed));
  });

  test("a stored hash, or any part of it, opens nothing as a secret (CVE-2019-16782)", async () => {
    const { where, records } = at();
    for (const { id, secretHash } of records) {
      const hash = secretHash.slice(secretHash.indexOf(".") + 1);
      const tried = [
        id + hash,
        id + secretHash,
        ...[...partsOf([hash], 32)].map((part) => id + part),
        `${id}${"A".repeat(32)}`,
      ];
      for (const value of tried)
        expect(await where.read(`${NAME}=${value}`, (session) => session.isNew)).toBe(true);
    }
  });

  test("no part of it, no hash of one and no unmasking of one by another is the secret of any session", () => {
    const { records, dump } = at();
    const { pepper } = new AtRest(resolveAtRest(protection.seal, protection.pepper));
    const runs = runsIn(dump);
    const secrets = secretsFrom(runs);
    // Without a pepper one hash a secret tells for all sessions.
    const hashes = new Set(records.flatMap((record) => hashesOf(record)));
    for (const secret of secrets) {
      if (protection.pepper === undefined) {
        if (hashes.has(createHash("sha256").update(secret).digest("base64url")))
          expect.fail("a secret was found");
        continue;
      }
      for (const record of records) {
        const token = Token.parse(record.id + secret);
        if (token !== null && hashesOf(record).some((hash) => pepper.judge(token, hash) === "match"))
          expect.fail("a secret was found");
      }
    }
    expect(secrets.size).toBeGreaterThan(1000);
  });

  test("no part of it is a token, and none is taken for a form token by a session that has some", async () => {
    const { where, dump, cookies } = at();
    const runs = runsIn(dump);
    for (const token of partsOf(
      runs.filter((run) => run.length < 200),
      56,
    )) {
      expect(await where.read(`${NAME}=${token}`, (session) => session.isNew)).toBe(true);
    }
    const parts = partsOf(runs, 22);
    await where.read(`${NAME}=${cookies[0]}`, (session: Session) => {
      expect(session.user).toBe("ann");
      expect([...parts].filter((part) => session.hasFormToken(part))).toEqual([]);
      // In clear it is there to be read; who has it still lacks the cookie, and the guard of origins stands before it.
      expect([...parts].filter((part) => session.isCsrfToken(part))).toHaveLength(sealed ? 0 : 1);
    });
  });

  test("what the clients hold opens their sessions still: nothing was tried in vain", async () => {
    const { where, cookies, formTokens } = at();
    for (const cookie of cookies)
      expect(await where.read(`${NAME}=${cookie}`, (session) => session.isNew)).toBe(false);
    const known = await where.read(`${NAME}=${cookies[0]}`, (session) =>
      formTokens.filter((token) => session.hasFormToken(token)),
    );
    expect(known.length).toBeGreaterThan(0);
  });
}

/** The hashes that open a record, the one before the current among them. */
function hashesOf(record: SessionRecord): string[] {
  const previous = asRotation(reservedValue(record.fields, ROTATION))?.previous;
  return [record.secretHash, ...(previous === undefined ? [] : [previous])];
}

/** Logins, rotations, flash messages, tokens, marks, seats and remembered sessions; then everything that is stored. */
async function play(
  engine: EngineName,
  protection: Pick<NonNullable<Parameters<typeof site>[0]>, "seal" | "pepper">,
): Promise<Scene> {
  const [place] = await (await need(engine).running()).places();
  if (place === undefined) throw new Error("no place");
  const store = await openPlace(place);
  const where = site({
    store,
    ...protection,
    rotateEvery: "10m",
    concurrency: { max: 3, onExceed: "end-oldest" },
  });
  const cookies: string[] = [];
  const formTokens: string[] = [];
  const csrfTokens: string[] = [];
  const fill = (session: Session): void => {
    session.data["address"] = VALUES[0];
    session.flash("notice", VALUES[1]);
    session.data["agent"] = VALUES[2];
    formTokens.push(session.createFormToken(), session.createFormToken());
    csrfTokens.push(session.csrfToken());
  };
  const keep = (cookie: string | undefined): void => void cookies.push((cookie ?? "").slice(NAME.length + 1));

  const first = await where.visit(undefined, (session) => {
    session.login("ann", { methods: [VALUES[3] ?? ""], remember: "30d", tenant: "t" });
    fill(session);
  });
  const bob = await where.visit(undefined, (session) => {
    session.login("bob");
    fill(session);
  });
  const guest = await where.visit(undefined, (session) => session.flash("notice", VALUES[1]));
  const gone = await where.visit(undefined, (session) => session.login("carol"));
  await where.manager.revokeUser("carol");
  expect(await where.read(gone.cookie, (session) => session.user)).toBeNull();
  for (let n = 0; n < 4; n += 1) await where.visit(undefined, (session) => session.login("dora"));
  // A successor that nobody presented yet: the store has its mask. And one that was presented: the old hash is kept.
  where.clock.advance(11 * 60_000);
  const rotated = await where.visit(first.cookie, (session) => session.user);
  const confirmed = await where.visit(bob.cookie, (session) => session.user);
  await where.visit(confirmed.cookie, (session) => session.user);
  const privileged = await where.visit(guest.cookie, (session) => {
    session.login("eve");
    fill(session);
  });
  for (const { cookie } of [rotated, confirmed, privileged]) keep(cookie);

  const opened = new AtRest(resolveAtRest(protection.seal, protection.pepper)).opened(store);
  const records = (await opened.all?.({ limit: 1000 }, CALL))?.records ?? [];
  return { where, store, cookies, formTokens, csrfTokens, records, dump: await dumpOf(place, store) };
}
