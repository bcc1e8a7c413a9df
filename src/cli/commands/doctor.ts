import { driversOf } from "../../open-store/driver.ts";
import type { Finding, Patient, Severity } from "../doctor/finding.ts";
import { probeFinding } from "../doctor/probe.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { answer, type Job } from "../job.ts";
import { addressOf, type OpenedStore, openExisting, using } from "../stores.ts";
import { printable } from "../text.ts";
import { withoutSecrets } from "../secrets.ts";

export interface DoctorArguments {
  readonly store: string | undefined;
  /** Whether a record may be written to try the rights of the account. */
  readonly writes: boolean;
}

/** Each engine has a file of its own. */
const ENGINES: Readonly<Record<string, () => Promise<(patient: Patient) => Promise<Finding[]>>>> = {
  memory: async () => (await import("../doctor/embedded.ts")).memoryFindings,
  file: async () => (await import("../doctor/embedded.ts")).fileFindings,
  lmdb: async () => (await import("../doctor/embedded.ts")).lmdbFindings,
  redis: async () => (await import("../doctor/redis.ts")).redisFindings,
  postgres: async () => (await import("../doctor/postgres.ts")).postgresFindings,
  mysql: async () => (await import("../doctor/mysql.ts")).mysqlFindings,
};

const KINDS: Readonly<Record<string, string>> = { rediss: "redis", postgresql: "postgres", mariadb: "mysql" };

/** Looks for what loses sessions, shows them to others, or keeps the store from working. Tells of each how to mend it. */
export async function doctor(job: Job, { store, writes }: DoctorArguments): Promise<ExitCode> {
  const source = addressOf({ given: store, variable: "HOLDFAST_STORE" }, job.world);
  return await using(openExisting(source, job.world, job.timeoutMs), async (opened) => {
    const patient = { address: source.address, find: driversOf(job.world.folder), now: job.world.now };
    const findings = await found(job, opened, patient, writes);
    const healthy = !findings.some(({ severity }) => severity === "error" || severity === "warning");
    answer(job, { store: opened.shown, healthy, findings }, () => report(job, opened.shown, findings));
    return healthy ? EXIT.ok : EXIT.found;
  });
}

async function found(
  job: Job,
  opened: OpenedStore,
  patient: Omit<Patient, "signal">,
  writes: boolean,
): Promise<Finding[]> {
  const [scheme = ""] = patient.address.scheme.split("+");
  const examine = await ENGINES[KINDS[scheme] ?? scheme]?.();
  // By the deadline of a call, though there are several: an engine that is asked this little answers at once or not at all.
  const findings = (await opened.call(async (_store, { signal }) => examine?.({ ...patient, signal }))) ?? [];
  const tried = writes ? [await probeFinding(opened, job.world.now())] : [];
  return [...findings, ...tried].map((finding) => cleaned(job, finding));
}

/** What drivers put into their messages is their own affair. */
function cleaned({ world }: Job, finding: Finding): Finding {
  return { ...finding, finding: withoutSecrets(finding.finding, world.environment) };
}

const SIGNS: Readonly<Record<Severity, string>> = { error: "✗", warning: "!", note: "·", ok: "✓" };

function report(job: Job, shown: string, findings: readonly Finding[]): string {
  const { colours } = job;
  const paint = { error: colours.red, warning: colours.yellow, note: colours.dim, ok: colours.green };
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map(({ severity, check, finding, mend }) => {
    const sign = paint[severity](`${SIGNS[severity]} ${severity.padEnd(7)}`);
    const remedy = mend === null ? "" : `\n${" ".repeat(width + 12)}→ ${printable(mend)}`;
    return `${sign} ${check.padEnd(width)}  ${printable(finding)}${remedy}\n`;
  });
  return `${shown}\n\n${lines.join("")}\n${summary(findings)}\n`;
}

function summary(findings: readonly Finding[]): string {
  const counts = (["error", "warning", "note"] as const)
    .map((severity) => ({ severity, count: findings.filter((one) => one.severity === severity).length }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => `${count} ${severity}${count === 1 ? "" : "s"}`);
  return counts.length === 0 ? "Nothing was found wrong." : `${counts.join(", ")}.`;
}
