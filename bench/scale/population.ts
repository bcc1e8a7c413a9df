import { createHash } from "node:crypto";
import type { SessionId, SessionRecord } from "../../src/index.ts";

/** How many sessions a user has, on a few devices over a month. */
export const SESSIONS_PER_USER = 10;

/** What names and texts of a session's fields add up to. */
export const FIELD_BYTES = 500;

const DAY = 86_400_000;

/** First index of the sessions that are not part of the population itself; each kind has its own range. */
export const EXPIRED = 1_000_000_000;
export const EDGE = 2_000_000_000;
export const EXTRA = 3_000_000_000;

/** The id of a session by its number: anybody can name it, and ids are spread as random ones are. */
export function idOf(index: number): SessionId {
  return createHash("sha256").update(`session ${index}`).digest("base64url").slice(0, 24) as SessionId;
}

/**
 * The sessions of a run. It grows in steps; the sessions that one step adds belong to the users whom it adds, dealt out
 * one after another, so that those of one user do not lie together.
 */
export class Population {
  readonly #steps: readonly number[];

  /** @param steps How many sessions there are after each step, growing, each a multiple of ten. */
  constructor(steps: readonly number[]) {
    this.#steps = steps;
  }

  userOf(index: number): string {
    if (index >= EXPIRED) return `guest-${Math.floor(index / SESSIONS_PER_USER)}`;
    const [from, to] = this.#stepOf(index);
    const users = (to - from) / SESSIONS_PER_USER;
    return `user-${from / SESSIONS_PER_USER + ((index - from) % users)}`;
  }

  /** The numbers of the sessions of a user, who is told by the number of one of them. */
  sessionsBeside(index: number): number[] {
    const [from, to] = this.#stepOf(index);
    const users = (to - from) / SESSIONS_PER_USER;
    const first = from + ((index - from) % users);
    return Array.from({ length: SESSIONS_PER_USER }, (_, count) => first + count * users);
  }

  /** A record as a login of a month-long site leaves it: two fields of the library's own, three of the application's. */
  recordOf(index: number, given: Partial<SessionRecord> = {}): SessionRecord {
    const user = this.userOf(index);
    const now = Date.now();
    return {
      id: idOf(index),
      epoch: 2,
      version: 1,
      secretHash: createHash("sha256").update(`secret ${index}`).digest("base64url"),
      labels: [`user:${user}`],
      createdAt: now,
      accessedAt: now,
      expiresAt: now + DAY,
      endsAt: now + 30 * DAY,
      fields: fieldsOf(user, index),
      ...given,
    };
  }

  #stepOf(index: number): [number, number] {
    const place = this.#steps.findIndex((size) => index < size);
    return [this.#steps[place - 1] ?? 0, this.#steps[place] ?? index + 1];
  }
}

function fieldsOf(user: string, index: number): Record<string, string> {
  const fields = {
    "~auth": JSON.stringify({ user, at: 1_700_000_000_000 + (index % 1_000_000), methods: ["pwd"] }),
    "~device": JSON.stringify({ address: "192.0.2.1", userAgent: "Mozilla/5.0 (X11; Linux x86_64)" }),
    views: "1",
    theme: '"dark"',
    cart: "",
  };
  const used = Object.entries(fields).reduce((sum, [name, text]) => sum + name.length + text.length, 0);
  return { ...fields, cart: JSON.stringify(goods(index, FIELD_BYTES - used - 2)) };
}

/** Text that does not compress better than what people put into carts. */
function goods(index: number, length: number): string {
  let text = "";
  for (let part = 0; text.length < length; part += 1)
    text += createHash("sha256").update(`goods ${index} ${part}`).digest("hex");
  return text.slice(0, length);
}

/** Numbers that look random and are the same in every run. */
export function dice(seed: number): (sides: number) => number {
  let state = seed >>> 0;
  return (sides) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * sides);
  };
}
