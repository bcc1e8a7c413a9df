import { type ExtensionHost, SessionError } from "../index.ts";
import type { ResolvedAdopt } from "./options.ts";
import type { AdoptSource, OldSession, Shown } from "./source.ts";

type Rules = Pick<ResolvedAdopt, "deadlineMs" | "onFailure">;

/**
 * Reads an old session. `null` for none, and for one that has expired.
 *
 * @throws `ERR_SESSION_STORE_UNAVAILABLE` when its store fails or does not answer in time, unless that is to count as none.
 */
export async function readOld(
  host: ExtensionHost,
  rules: Rules,
  source: AdoptSource,
  shown: Shown,
): Promise<OldSession | null> {
  try {
    const old = await inTime(host, rules.deadlineMs, () => shown.find());
    const isOver = old !== null && old.expiresAt !== null && old.expiresAt <= host.clock.now();
    return isOver ? null : old;
  } catch (cause) {
    tell(host, "old store failed", source);
    if (rules.onFailure === "none") return null;
    throw new SessionError(
      "ERR_SESSION_STORE_UNAVAILABLE",
      "The store of the old sessions failed or did not answer in time.",
      { cause },
    );
  }
}

/** Deletes an old session. That it fails harms nobody: a mark says that it was adopted. */
export async function removeOld(
  host: ExtensionHost,
  rules: Rules,
  source: AdoptSource,
  old: OldSession,
): Promise<void> {
  try {
    await inTime(host, rules.deadlineMs, async () => old.remove?.());
  } catch {
    tell(host, "not removed", source);
  }
}

function tell(host: ExtensionHost, what: string, { name }: AdoptSource): void {
  const event = { extension: "adopt", id: null, user: null, address: null, alarming: false };
  host.emit({ ...event, what, details: { source: name } });
}

function inTime<T>(host: ExtensionHost, ms: number, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = host.clock.after(ms, () => reject(new Error(`No answer within ${ms} ms.`)));
    work().then(resolve, reject).finally(cancel);
  });
}
