import type { SessionId } from "../../index.ts";
import { Ending, EXIT, type ExitCode } from "../exit.ts";
import type { Job } from "../job.ts";
import { userOfRecord } from "../records.ts";
import { addressOf, type OpenAddress, type OpenedStore, openExisting, using } from "../stores.ts";
import { json, moment, printable } from "../text.ts";

/** What is told of: one line each. */
interface WatchLine {
  readonly at: string;
  /** `hearing` from when changes are told, `deaf` while they cannot be; both without a session. */
  readonly event: "hearing" | "deaf" | "changed" | "ended";
  readonly id: SessionId | null;
  readonly user: string | null;
}

/** Ended sessions that are remembered, since an end may be told twice. */
const REMEMBERED = 1000;

/** Prints what happens to sessions as it happens, until it is stopped. */
export async function watch(job: Job, given: string | undefined): Promise<ExitCode> {
  const address = telling(addressOf({ given, variable: "HOLDFAST_STORE" }, job.world));
  return await using(openExisting(address, job.world, job.timeoutMs), async (opened) => {
    const { store } = opened;
    if (store.subscribe === undefined && store.track === undefined) {
      throw new Ending(
        EXIT.refused,
        `The store ${opened.shown} tells nobody of ends and changes. Redis, PostgreSQL and the memory store do.`,
      );
    }
    // Whether it can be reached at all is to be known at once.
    await opened.call((engine, call) => engine.read("A".repeat(24) as SessionId, call));
    const news = new News(job, opened);
    const stops = [
      store.subscribe?.((id) => news.ended(id)),
      store.track?.({
        hears: () => news.tell("hearing", null, null),
        changed: (id) => void news.changed(id),
        deaf: () => news.tell("deaf", null, null),
      }),
    ];
    if (!job.json) job.world.complain(`Watching ${opened.shown}. Ctrl-C ends it.\n`);
    await untilStopped(job.world.stopped);
    for (const stop of stops) stop?.();
    return EXIT.ok;
  });
}

/** PostgreSQL hears only where it is asked to. What applications tell is set by their own `notify`. */
function telling({ address, shown }: OpenAddress): OpenAddress {
  if (address.scheme.startsWith("postgres") && !address.parameters.has("notify"))
    address.parameters.set("notify", "changes");
  return { address, shown };
}

class News {
  readonly #job: Job;
  readonly #opened: OpenedStore;
  readonly #ended = new Set<SessionId>();

  constructor(job: Job, opened: OpenedStore) {
    this.#job = job;
    this.#opened = opened;
  }

  tell(event: WatchLine["event"], id: SessionId | null, user: string | null): void {
    const { world, json: asJson, colours } = this.#job;
    const line: WatchLine = { at: moment(world.now()), event, id, user };
    if (asJson) return world.print(`${json(line)}\n`);
    const word = event === "ended" ? colours.red("ended  ") : event.padEnd(7);
    world.print(
      `${line.at} ${word} ${id ?? ""}${user === null ? "" : ` user ${printable(user)}`}`.trimEnd() + "\n",
    );
  }

  /** Of a store that tells of changes, an end is one of them. */
  async changed(id: SessionId): Promise<void> {
    const record = await this.#opened.call((store, call) => store.read(id, call)).catch(() => undefined);
    if (record === null) return this.ended(id);
    // It may have been told by then, or nobody wants to know any more.
    if (this.#ended.has(id) || this.#job.world.stopped.aborted) return;
    this.tell("changed", id, record === undefined ? null : userOfRecord(record));
  }

  ended(id: SessionId): void {
    if (this.#ended.has(id)) return;
    this.#ended.add(id);
    const [oldest] = this.#ended;
    if (this.#ended.size > REMEMBERED && oldest !== undefined) this.#ended.delete(oldest);
    this.tell("ended", id, null);
  }
}

function untilStopped(stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    // A subscription of the memory store keeps no process alive.
    const alive = setInterval(() => undefined, 2 ** 30);
    const stop = (): void => {
      clearInterval(alive);
      resolve();
    };
    if (stopped.aborted) return stop();
    stopped.addEventListener("abort", stop, { once: true });
  });
}
