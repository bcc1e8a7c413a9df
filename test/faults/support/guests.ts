import { type Browser, idIn, type Reply } from "../../races/support/http-client.ts";

/** Whether a session lives: `unknown` where nobody was told. */
export type Life = "open" | "ended" | "unknown";

/** One browser that logged in, and whether it has to be logged in still. */
export interface Guest {
  readonly user: string;
  readonly browser: Browser;
  readonly cookie: string;
  readonly id: string;
  life: Life;
}

/** Everybody who logged in during a run, and how many logins of each user nobody knows the outcome of. */
export class Guests {
  readonly all: Guest[] = [];
  readonly #unknown = new Map<string, number>();

  get users(): readonly string[] {
    return [...new Set([...this.all.map(({ user }) => user), ...this.#unknown.keys()])];
  }

  /** Enters a login, or nothing when none came of it. */
  enter(user: string, browser: Browser, reply: Reply): Guest | null {
    const { cookie } = browser;
    if (reply.status !== 200 || cookie === undefined) {
      this.#unknown.set(user, this.#unknownOf(user) + 1);
      return null;
    }
    const guest: Guest = { user, browser, cookie, id: idIn(cookie), life: "open" };
    this.all.push(guest);
    return guest;
  }

  of(user: string): Guest[] {
    return this.all.filter((guest) => guest.user === user);
  }

  /**
   * What is wrong with a listing of the user's sessions: it has to have everyone who is logged in and nobody who is not.
   * Of a login without an answer the session may be there, and nobody holds its cookie.
   */
  differences(user: string, listed: readonly string[], opens: ReadonlySet<string>): string[] {
    const known = new Set(this.of(user).map(({ id }) => id));
    const strangers = listed.filter((id) => !known.has(id));
    const complaints = [...opens]
      .filter((id) => !listed.includes(id))
      .map((id) => `${user}: ${id} opens and is not listed`);
    for (const id of listed)
      if (known.has(id) && !opens.has(id)) complaints.push(`${user}: ${id} is listed and does not open`);
    if (strangers.length > this.#unknownOf(user)) complaints.push(`${user}: ${strangers.join()} is listed`);
    return complaints;
  }

  #unknownOf(user: string): number {
    return this.#unknown.get(user) ?? 0;
  }
}
