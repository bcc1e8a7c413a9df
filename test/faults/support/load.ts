import type { Random } from "../../../src/testing/index.ts";
import { Books, type Deed, queryFor } from "../../races/support/http-books.ts";
import type { Seen } from "../../races/support/http-app.ts";
import { Browser, idIn, type Reply } from "../../races/support/http-client.ts";
import type { Cluster } from "../../races/support/http-cluster.ts";
import { anyDoor } from "../../races/support/http-storm.ts";
import { pause, until } from "../../support/servers/server-process.ts";
import { type Guest, Guests } from "./guests.ts";

/** A session that many requests share and that nobody ever ends: whatever happens, it has to open by its first cookie. */
export interface Account {
  readonly user: string;
  readonly browser: Browser;
  readonly cookie: string;
  readonly id: string;
  readonly books: Books;
}

const ACCOUNTS = 3;
const LANES_OF_AN_ACCOUNT = 3;
const GUEST_LANES = 2;

/** A client that was refused tries again after so long. */
const BACK_OFF_MS = 20;

/** Recovery takes seconds at most where clients connect again by themselves; this is when it counts as none. */
const PATIENCE_MS = 40_000;

/**
 * Clients that keep the servers busy through an outage: requests that overlap on shared sessions, logins, logouts and
 * revocations. It writes down what was acknowledged, and complains of every answer that must not be.
 */
export class Load {
  readonly accounts: readonly Account[];
  readonly guests: Guests = new Guests();
  /** What was wrong with single answers. */
  readonly complaints: string[] = [];
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #run: string;
  readonly #acknowledged: number[];
  #refused = 0;
  #replies = 0;
  #deeds = 0;
  #guests = 0;
  #stopped = false;
  #lanes: readonly Promise<void>[] = [];

  private constructor(cluster: Cluster, random: Random, run: string, accounts: readonly Account[]) {
    this.#cluster = cluster;
    this.#random = random;
    this.#run = run;
    this.accounts = accounts;
    this.#acknowledged = cluster.servers.map(() => 0);
  }

  /** Opens the shared sessions and begins. `run` makes the users' names. */
  static async start(cluster: Cluster, random: Random, run: string): Promise<Load> {
    const accounts: Account[] = [];
    for (let count = 0; count < ACCOUNTS; count += 1)
      accounts.push(await opened(cluster, `${run} account ${count}`));
    const load = new Load(cluster, random, run, accounts);
    load.#lanes = [
      ...accounts.flatMap((account) =>
        Array.from({ length: LANES_OF_AN_ACCOUNT }, () => load.#repeat(() => load.#work(account))),
      ),
      ...Array.from({ length: GUEST_LANES }, () => load.#repeat(() => load.#visit())),
      load.#repeat(() => load.#beRevoked()),
    ];
    return load;
  }

  /** Resolves when every process acknowledged so many more requests. */
  async acknowledges(more: number): Promise<void> {
    const before = [...this.#acknowledged];
    await this.#comes(`every process acknowledges ${more} requests`, () =>
      this.#acknowledged.every((count, index) => count >= (before[index] ?? 0) + more),
    );
  }

  /** Resolves when so many more requests were answered with 503: the outage is felt. */
  async refuses(more: number): Promise<void> {
    const before = this.#refused;
    await this.#comes(`${more} requests are refused`, () => this.#refused >= before + more);
  }

  /** Resolves when so many more requests were answered, one way or the other. */
  async answers(more: number): Promise<void> {
    const before = this.#replies;
    await this.#comes(`${more} requests are answered`, () => this.#replies >= before + more);
  }

  /** Stops, and waits for every answer. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#lanes);
  }

  toString(): string {
    const kept = this.accounts.reduce((sum, { books }) => sum + books.kept, 0);
    const all = `${this.#replies} requests, ${this.#refused} refused with 503`;
    const each = this.#acknowledged.join(" and ");
    return `${all}, ${each} acknowledged by the processes, ${kept} deeds kept, ${this.guests.all.length} logged in`;
  }

  /** Sends a request through any door of any process, and judges the answer by what holds for all. */
  async ask(browser: Browser, query: string): Promise<{ reply: Reply; seen: Seen | null }> {
    const { server, kind } = anyDoor(this.#cluster, this.#random);
    const reply = await browser.request(this.#cluster.at(server), kind, query);
    const body = await reply.body;
    this.#replies += 1;
    if (reply.status === 200) this.#acknowledged[server] = (this.#acknowledged[server] ?? 0) + 1;
    if (reply.status === 503) this.#refused += 1;
    // Refused for what others did, or for the store; all else is a defect.
    if (![200, 401, 409, 503].includes(reply.status))
      this.complaints.push(`${query} was answered with ${reply.status}: ${body}`);
    if (reply.status !== 200 && reply.setCookies.length > 0)
      this.complaints.push(`${query} was refused with ${reply.status} and set a cookie`);
    if (reply.status === 503) await pause(BACK_OFF_MS);
    return { reply, seen: reply.status === 200 ? (JSON.parse(body) as Seen) : null };
  }

  async #comes(what: string, condition: () => boolean): Promise<void> {
    await until(what, condition, PATIENCE_MS).catch((error: unknown) => {
      throw new Error(`${String(error)} So far: ${this.toString()}.`, { cause: this.complaints });
    });
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#stopped) await work();
  }

  async #work({ user, browser, cookie, id, books }: Account): Promise<void> {
    const deed = this.#deed();
    const turns = String(this.#random.below(3));
    const { reply, seen } = await this.ask(browser, queryFor(deed, { turns }));
    books.enter(deed, reply.status);
    if (seen !== null && (seen.id !== id || seen.user !== user))
      this.complaints.push(`A request of ${user} found ${seen.user ?? "nobody"} logged in`);
    if (reply.setCookies.length > 0 || browser.cookie !== cookie)
      this.complaints.push(`A request of ${user} got the cookie ${reply.setCookies.join()}`);
  }

  #deed(): Deed {
    this.#deeds += 1;
    const value = `v${this.#deeds}`;
    const choice = this.#random.below(10);
    if (choice < 5) return { verb: "increment", name: `count${this.#random.below(2)}` };
    if (choice < 8) return { verb: "append", name: `list${this.#random.below(2)}`, value };
    return { verb: "set", name: `field${this.#deeds}`, value };
  }

  /** Logs in, does something, and logs out again, or forgets to. */
  async #visit(): Promise<void> {
    const guest = await this.#logIn(`${this.#run} guest ${this.#random.below(2)}`);
    if (guest === null) return;
    await this.ask(guest.browser, "verb=increment&name=count&known");
    if (this.#random.oneIn(4)) return;
    await this.logOut(guest);
  }

  /** A user of two sessions, who ends both at once from elsewhere. */
  async #beRevoked(): Promise<void> {
    const user = `${this.#run} revoked ${this.#guests}`;
    await this.#logIn(user);
    await this.#logIn(user);
    await this.revoke(user);
  }

  async #logIn(user: string): Promise<Guest | null> {
    this.#guests += 1;
    const browser = new Browser();
    const { reply } = await this.ask(browser, `verb=login&value=${encodeURIComponent(user)}`);
    return this.guests.enter(user, browser, reply);
  }

  /** Tells whether it was acknowledged. */
  async logOut(guest: Guest): Promise<boolean> {
    guest.life = "unknown";
    const { reply } = await this.ask(guest.browser, "verb=logout&known");
    if (reply.status !== 200) return false;
    guest.life = "ended";
    return true;
  }

  /** Ends all sessions of a user; tells whether it was acknowledged. */
  async revoke(user: string): Promise<boolean> {
    const those = this.guests.of(user);
    for (const guest of those) guest.life = "unknown";
    try {
      await this.#cluster.at(this.#random.below(this.#cluster.size)).order("revokeUser", user);
    } catch (error) {
      if (!String(error).includes("SessionError")) this.complaints.push(String(error));
      await pause(BACK_OFF_MS);
      return false;
    }
    for (const guest of those) guest.life = "ended";
    return true;
  }
}

async function opened(cluster: Cluster, user: string): Promise<Account> {
  const browser = new Browser();
  const query = `verb=login&value=${encodeURIComponent(user)}`;
  const reply = await browser.request(cluster.at(0), "node", query);
  const { cookie } = browser;
  if (reply.status !== 200 || cookie === undefined)
    throw new Error(`${user} could not log in: ${reply.status} ${await reply.body}`);
  return { user, browser, cookie, id: idIn(cookie), books: new Books() };
}
