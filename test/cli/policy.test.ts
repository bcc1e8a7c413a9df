import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "./support.ts";

const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));

test("ASVS 7.1.1: the policy in force is a table for an auditor", async () => {
  const { code, printed } = await run(["policy", fixture("managers.ts"), "--export", "staff"]);
  expect(code).toBe(0);
  expect(`\n${printed}`).toMatchInlineSnapshot(`
    "
    Requirement        Policy                       In force
    ----------------------------------------------------------------------------------------------------------------------------------
    ASVS 7.2.3         Token                        144 bits of id, 192 of secret, stored as SHA-256
    ASVS 7.2.4         New token                    at login, re-authentication, unlock and rotation; the old one is dead at once
    ASVS 7.3.1         Idle limit                   1 hour, then the session is locked
    ASVS 7.3.2         Absolute limit               1 day
    NIST 5.2           Preset                       aal2
    NIST N3            Remembered at most           1 day
    OWASP S9           Periodic new token           every 15 minutes, grace 30 seconds
    ASVS 7.1.2         Sessions of a user           3, then refuse
    ASVS 3.3.1, 3.3.3  Cookie                       __Host-Http-sid; Path=/
    ASVS 3.3.1         Secure                       true
    ASVS 3.3.4         HttpOnly                     true
    ASVS 3.3.2         SameSite                     Lax
    RFC 6265bis        Partitioned                  false
    NIST N3            Cookie outlives the browser  only when remembered
    ASVS 3.5.1         Forged requests              refused; trusted: https://app.example; without an origin: refused; with exemptions
    At rest            Sealed fields                none
    At rest            Hashes of secrets            SHA-256
    OWASP S15          Told of as moved             another address: network; another user agent: product
    ASVS 14.3.1        Forgotten at logout          the session's cookie alone
    ASVS 7.4.1         Logout of a failed request   takes place
    ASVS 7.4.5         Revocation                   one session, a user, tenant, device, identity, everybody
                       Store                        survives nothing; of one process
                       Store failure                fail, within 2 seconds a call
                       Extensions                   none
    "
  `);
});

test("it is data with --json, and the only manager of a module needs no name", async () => {
  const { code, printed } = await run(["policy", fixture("one.ts"), "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(printed)).toMatchObject({ csrf: null, lifetime: { absoluteMs: 2_592_000_000 } });
});

test.each([
  [["policy", fixture("managers.ts")], 1, /staff, visitors.*--export/],
  [
    ["policy", fixture("managers.ts"), "--export", "somethingElse"],
    1,
    /no session manager named somethingElse/,
  ],
  [["policy", fixture("nothing.ts")], 1, /cannot be imported/],
  [["policy"], 2, /Usage/],
  [["policy", "a", "b"], 2, /Usage/],
  [["audit", "a"], 2, /Usage/],
  [["policy", "a", "--colour"], 2, /Usage/],
  [[], 2, /Usage/],
])("%j is refused with the exit code %i", async (args, expected, message) => {
  const { code, printed, complained } = await run(args);
  expect([code, printed]).toEqual([expected, ""]);
  expect(complained).toMatch(message);
});

test("the table tells how long other processes may take to see a revocation", async () => {
  const { printed } = await run(["policy", fixture("cached.ts")]);
  expect(printed).toMatch(/Revocation .*everybody; seen by other processes within 30 seconds/);
});
