import type { SessionPolicy } from "../index.ts";

/** One line of the table: which requirements ask for it, what it is, and what it is set to. */
interface Row {
  readonly ids: string;
  readonly what: string;
  readonly value: string;
}

/** The policy as a table for an auditor, with the requirements that each line answers. */
export function policyTable(policy: SessionPolicy): string {
  const rows = [{ ids: "Requirement", what: "Policy", value: "In force" }, ...rowsOf(policy)];
  const wide = (key: "ids" | "what"): number => Math.max(...rows.map((row) => row[key].length));
  const line = ({ ids, what, value }: Row): string =>
    `${ids.padEnd(wide("ids"))}  ${what.padEnd(wide("what"))}  ${value}\n`;
  const [head, ...body] = rows.map(line);
  const rule = `${"-".repeat(Math.max(...rows.map((row) => line(row).trimEnd().length)))}\n`;
  return [head, rule, ...body].join("");
}

function rowsOf(policy: SessionPolicy): Row[] {
  const { token, cookie, lifetime, concurrency, csrf, failure, store } = policy;
  const row = (ids: string, what: string, value: string | number | boolean): Row => ({
    ids,
    what,
    value: String(value),
  });
  return [
    row(
      "ASVS 7.2.3",
      "Token",
      `${token.idBits} bits of id, ${token.secretBits} of secret, stored as ${token.storedAs}`,
    ),
    row(
      "ASVS 7.2.4",
      "New token",
      "at login, re-authentication, unlock and rotation; the old one is dead at once",
    ),
    row(
      "ASVS 7.3.1",
      "Idle limit",
      `${span(lifetime.idleMs)}, then the session is ${lifetime.onIdle === "lock" ? "locked" : "ended"}`,
    ),
    row("ASVS 7.3.2", "Absolute limit", span(lifetime.absoluteMs)),
    row("NIST 5.2", "Preset", lifetime.preset ?? "none"),
    row("NIST N3", "Remembered at most", span(lifetime.rememberMaxMs)),
    row(
      "OWASP S9",
      "Periodic new token",
      lifetime.rotateEveryMs === null
        ? "never"
        : `every ${span(lifetime.rotateEveryMs)}, grace ${span(lifetime.rotationGraceMs)}`,
    ),
    row(
      "ASVS 7.1.2",
      "Sessions of a user",
      concurrency === null ? "as many as they like" : `${concurrency.max}, then ${concurrency.onExceed}`,
    ),
    row(
      "ASVS 3.3.1, 3.3.3",
      "Cookie",
      `${cookie.name}; Path=${cookie.path}${cookie.domain === null ? "" : `; Domain=${cookie.domain}`}`,
    ),
    row("ASVS 3.3.1", "Secure", cookie.secure),
    row("ASVS 3.3.4", "HttpOnly", cookie.httpOnly),
    row("ASVS 3.3.2", "SameSite", cookie.sameSite),
    row("RFC 6265bis", "Partitioned", cookie.partitioned),
    row("NIST N3", "Cookie outlives the browser", cookie.persistent),
    row("ASVS 3.5.1", "Forged requests", csrf === null ? "not checked" : guardOf(csrf)),
    row("At rest", "Sealed fields", sealOf(policy.seal)),
    row("At rest", "Hashes of secrets", pepperOf(policy.pepper)),
    row("OWASP S15", "Told of as moved", movesOf(policy.moves)),
    row(
      "ASVS 14.3.1",
      "Forgotten at logout",
      policy.clearSiteData.length === 0 ? "the session's cookie alone" : policy.clearSiteData.join(", "),
    ),
    row(
      "ASVS 7.4.1",
      "Logout of a failed request",
      failure.endOnFailure ? "takes place" : "does not take place",
    ),
    row("ASVS 7.4.5", "Revocation", revocation(store)),
    row("", "Store", promisesOf(store)),
    row("", "Store failure", `${failure.onStoreFailure}, within ${span(failure.deadlineMs)} a call`),
    row("", "Extensions", policy.extensions.join(", ") || "none"),
  ];
}

function promisesOf({ durability, shared, conditions }: SessionPolicy["store"]): string {
  return [
    `survives ${durability === "none" ? "nothing" : `the loss of ${durability}`}`,
    shared ? "shared by processes" : "of one process",
    ...(conditions === "process" ? ["processes may undo each other's changes"] : []),
  ].join("; ");
}

function guardOf({ mode, trustedOrigins, silent, exemptions }: NonNullable<SessionPolicy["csrf"]>): string {
  const parts = [
    mode === "enforce" ? "refused" : "reported only",
    trustedOrigins.length > 0 ? `trusted: ${trustedOrigins.join(", ")}` : "no other origin is trusted",
    `without an origin: ${silent === "allow" ? "let through" : "refused"}`,
    ...(exemptions ? ["with exemptions"] : []),
  ];
  return parts.join("; ");
}

function sealOf(seal: SessionPolicy["seal"]): string {
  if (seal === null) return "none";
  const fields = seal.fields === "all" ? "all" : `${seal.fields.join(", ")}, and the library's own`;
  return `${fields}; ${seal.cipher}; keys ${seal.keys.join(", ")}${seal.acceptUnsealed ? "; unsealed ones are accepted" : ""}`;
}

function pepperOf(pepper: SessionPolicy["pepper"]): string {
  if (pepper === null) return "SHA-256";
  return `HMAC-SHA256; keys ${pepper.keys.join(", ")}${pepper.acceptUnpeppered ? "; plain ones are accepted" : ""}`;
}

function movesOf(moves: SessionPolicy["moves"]): string {
  if (moves === null) return "nothing";
  const { address, userAgent } = moves;
  return `another address: ${address === false ? "no" : address}; another user agent: ${userAgent === false ? "no" : userAgent}`;
}

function revocation({ abilities, keptForMs }: SessionPolicy["store"]): string {
  const scopes = [
    "one session",
    ...(abilities.includes("deleteByLabel") ? ["a user, tenant, device, identity"] : []),
    ...(abilities.includes("all") ? ["everybody"] : []),
  ];
  const bound = keptForMs === undefined ? "" : `; seen by other processes within ${span(keptForMs)}`;
  return `${scopes.join(", ")}${bound}`;
}

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
] as const;

/** A duration as a person says it. */
function span(ms: number): string {
  const [name, size] = UNITS.find(([, unit]) => ms >= unit && ms % unit === 0) ?? (["ms", 1] as const);
  const count = ms / size;
  return name === "ms" ? `${count} ms` : `${count} ${name}${count === 1 ? "" : "s"}`;
}
