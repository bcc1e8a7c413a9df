import type { Staged } from "./draft.ts";
import { refuseConfig } from "./errors.ts";
import type { Events } from "./events.ts";
import type { HttpExchange } from "./exchange.ts";
import { networkOf, spelledOut } from "./network.ts";
import { checkOptionNames } from "./option-names.ts";
import type { SessionRecord } from "./record.ts";
import { asDevice, type Device, DEVICE, reservedValue, SEEN, userOf } from "./reserved.ts";
import { type AnySession, Session } from "./session.ts";

/** What counts as another place when a session is presented, for the event `moved`. No session is ever refused or ended for it. */
export interface MoveOptions {
  /**
   * `"network"` (default) compares the first 24 bits of IPv4 and the first 64 of IPv6, since mobile networks and privacy addresses change
   * what follows; `"exact"` the whole address; `false` nothing of it.
   */
  readonly address?: "network" | "exact" | false;
  /** `"product"` (default) compares all but the version numbers, which every update of a browser changes; `"exact"` the whole text; `false` nothing of it. */
  readonly userAgent?: "product" | "exact" | false;
}

/** {@link MoveOptions} with every default filled in. */
export type MovePolicy = Required<MoveOptions>;

/** @throws `ERR_SESSION_CONFIG` for options that cannot work. */
export function resolveMoves(options: MoveOptions | false): MovePolicy | null {
  if (options === false) return null;
  checkOptionNames(options, ["address", "userAgent"], "moves");
  const { address = "network", userAgent = "product" } = options;
  const sound: readonly unknown[] = ["network", "exact", false];
  if (!sound.includes(address)) refuseConfig('moves.address must be "network", "exact" or false.');
  const known: readonly unknown[] = ["product", "exact", false];
  if (!known.includes(userAgent)) refuseConfig('moves.userAgent must be "product", "exact" or false.');
  return { address, userAgent };
}

/** Where a session was last presented from. */
export function lastPlaceOf(fields: SessionRecord["fields"]): Device {
  return asDevice(reservedValue(fields, Object.hasOwn(fields, SEEN) ? SEEN : DEVICE));
}

function placeText(fields: SessionRecord["fields"]): string | undefined {
  return fields[SEEN] ?? fields[DEVICE];
}

/**
 * Notices that a session is presented from another address, or by another user agent, than before (OWASP Session Management Cheat Sheet,
 * binding the session to other user properties). It tells, and refuses nothing.
 */
export class Moves {
  readonly #events: Events;
  readonly #policy: MovePolicy | null;

  constructor(events: Events, policy: MovePolicy | null) {
    this.#events = events;
    this.#policy = policy;
  }

  /**
   * Stages the note of where a session is presented from: when it has moved, and when a touch is due that the note can go along with. Tells
   * whether anything is staged. It is made of what is stored, so that of requests that overlap one finds that the session moved.
   */
  note(session: AnySession, exchange: HttpExchange, record: SessionRecord, touchDue: boolean): boolean {
    if (this.#policy === null) return false;
    const { device } = Session.access.host(session);
    // The usual case, told without decoding anything.
    if (placeText(record.fields) === JSON.stringify(device)) return false;
    const placeAfter = (known: Device): Device => placeNow(known, device, exchange);
    const isNews = (known: Device): boolean =>
      this.#hasMoved(known, placeAfter(known)) || (touchDue && !isSame(known, placeAfter(known)));
    if (!isNews(lastPlaceOf(record.fields))) return false;
    const origin = asDevice(reservedValue(record.fields, DEVICE));
    Session.access.draft(session).update(
      SEEN,
      (value) => {
        const known = value === undefined ? origin : asDevice(value);
        return isNews(known) ? placeAfter(known) : value;
      },
      "minor",
    );
    return true;
  }

  /** Tells of a move once its note is stored. */
  stored(base: SessionRecord, staged: Staged): void {
    if (!Object.hasOwn(staged.set, SEEN)) return;
    const before = lastPlaceOf(base.fields);
    const now = lastPlaceOf(staged.set);
    if (!this.#hasMoved(before, now)) return;
    this.#events.emit("moved", {
      id: base.id,
      user: userOf(base),
      address: now.address ?? null,
      from: { address: before.address ?? null },
      addressChanged: this.#hasOtherAddress(before, now),
      userAgentChanged: this.#hasOtherAgent(before, now),
    });
  }

  #hasMoved(before: Device, now: Device): boolean {
    return this.#hasOtherAddress(before, now) || this.#hasOtherAgent(before, now);
  }

  /** An address that nobody knows is no other one. */
  #hasOtherAddress(before: Device, now: Device): boolean {
    const rule = this.#policy?.address ?? false;
    if (rule === false || before.address === undefined || now.address === undefined) return false;
    if (before.address === now.address) return false;
    const form = rule === "exact" ? spelledOut : networkOf;
    return form(before.address) !== form(now.address);
  }

  /** A client that no longer says what it is has changed; one that says so for the first time has not. */
  #hasOtherAgent(before: Device, now: Device): boolean {
    const rule = this.#policy?.userAgent ?? false;
    if (rule === false || before.userAgent === undefined || before.userAgent === now.userAgent) return false;
    if (rule === "exact" || now.userAgent === undefined) return true;
    return productsOf(before.userAgent) !== productsOf(now.userAgent);
  }
}

/** Where a session is now, as far as it is known: an adapter may know no address, or show of a request nothing but its cookie. */
function placeNow(known: Device, device: Device, exchange: HttpExchange): Device {
  const address = device.address ?? known.address;
  const isSilent = device.userAgent === undefined && exchange.header("host") !== undefined;
  const userAgent = isSilent ? undefined : (device.userAgent ?? known.userAgent);
  return { ...(address !== undefined && { address }), ...(userAgent !== undefined && { userAgent }) };
}

function isSame(one: Device, other: Device): boolean {
  return one.address === other.address && one.userAgent === other.userAgent;
}

/** A User-Agent (RFC 9110, section 10.1.5) without what its products, and systems in its comments, have for versions. */
function productsOf(userAgent: string): string {
  return userAgent.replace(/(?<=\/)[\w.+-]+|(?<=[ :])\d+(?:[._]\d+)*/g, "");
}
