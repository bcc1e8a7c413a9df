import { bound, type BoundOptions, type BoundSessions } from "../../../src/bound.ts";
import {
  type AnyStore,
  type ExtensionEvent,
  type FieldSchemas,
  type Session,
  SessionManager,
  type SessionManagerOptions,
} from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { manualClock, type ManualClock } from "../../../src/testing/index.ts";
import { type BrowserOptions, TestBrowser } from "./browser.ts";
import { type Running, type SiteKind, SITES } from "./sites.ts";

export interface Rig {
  readonly clock: ManualClock;
  readonly manager: SessionManager;
  readonly device: BoundSessions;
  readonly store: AnyStore;
  readonly origin: string;
  /** What the extension told, in order. */
  readonly events: ExtensionEvent[];
  /** The same as words: `session stolen!` is alarming. */
  told(): string[];
  browser(options?: Partial<BrowserOptions>): TestBrowser;
  /** A browser that logged in and registered. */
  boundBrowser(options?: Partial<BrowserOptions>): Promise<TestBrowser>;
  close(): Promise<void>;
}

export const MINUTE = 60_000;

/** A site that runs, with a clock that the test moves. */
export async function rigOf(
  options: BoundOptions = {},
  site: SiteKind | undefined = SITES[1],
  over: Partial<SessionManagerOptions<FieldSchemas, Session>> = {},
): Promise<Rig> {
  if (site === undefined) throw new Error("no such site");
  const clock = (over.clock as ManualClock | undefined) ?? manualClock();
  const store = over.store ?? memoryStore();
  const device = bound(options);
  const manager = new SessionManager({ clock, ...over, store, extensions: [device] });
  const events: ExtensionEvent[] = [];
  manager.on("extension", (event) => void events.push(event));
  const running: Running = await site.start(manager as never, device);
  const browser = (chosen: Partial<BrowserOptions> = {}): TestBrowser =>
    new TestBrowser({ clock, origin: running.origin, ...chosen });
  return {
    clock,
    manager: manager as never,
    device,
    store,
    origin: running.origin,
    events,
    told: () => events.map(({ what, alarming }) => (alarming ? `${what}!` : what)),
    browser,
    boundBrowser: async (chosen = {}) => {
      const one = browser(chosen);
      await one.post("/login");
      await one.settled();
      return one;
    },
    close: async () => {
      await running.close();
      await manager.close();
    },
  };
}
