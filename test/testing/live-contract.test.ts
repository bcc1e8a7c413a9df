import { describe, expect, test } from "vitest";
import type { LiveSession, Session, SessionManager } from "../../src/index.ts";
import {
  checkLive,
  type LiveApplication,
  liveContract,
  type LiveRuleOutcome,
  liveRules,
  type LiveSubject,
} from "../../src/testing/index.ts";
import { wsSubject } from "../adapters/support/ws-subject.ts";

const SOUND = wsSubject("8.23.0", "by hand");

/** The sound adapter, upon an application that differs. */
function upon(change: (application: LiveApplication) => LiveApplication): LiveSubject {
  return { ...SOUND, start: (application) => SOUND.start(change(application)) };
}

/** The sound adapter, upon a manager some of whose methods differ. */
function withManager(change: (manager: SessionManager) => Readonly<Record<string, unknown>>): LiveSubject {
  return upon((application) => {
    const changed = change(application.manager);
    const manager = new Proxy(application.manager, {
      get(target, name) {
        if (typeof name === "string" && name in changed) return changed[name];
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    return { ...application, manager };
  });
}

/** The sound adapter, with live sessions some of whose methods differ. */
function withLive(change: (live: LiveSession<Session>) => Partial<LiveSession<Session>>): LiveSubject {
  return withManager((manager) => ({
    live(session: Session) {
      const live = manager.live(session);
      const changed = change(live) as Readonly<Record<string, unknown>>;
      return new Proxy(live, {
        get(target, name) {
          if (typeof name === "string" && name in changed) return changed[name];
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  }));
}

/** Defects of adapters and applications, and the rule that has to notice each. */
const DEFECTS: Readonly<Record<string, readonly [subject: LiveSubject, caughtBy: string]>> = {
  "pages of every origin may connect": [
    {
      ...SOUND,
      start: (application) => SOUND.start({ ...application, origins: undefined as never }),
    },
    "a list of origins replaces the server's own",
  ],
  "what is demanded is not": [
    upon((application) => ({ ...application, require: undefined as never })),
    "one that must have a session, or a user, is refused with status 401 without",
  ],
  "a session that cannot be read is none": [
    withManager((manager) => ({
      startRequest: async (exchange: never) => {
        try {
          return await manager.startRequest(exchange);
        } catch {
          return manager.newSession({ host: { lifetime: {}, onLook: () => {} } as never, record: null });
        }
      },
    })),
    "one whose session cannot be read is refused with status 503, and let in when the store is back",
  ],
  "to connect is no activity": [
    withManager(() => ({ finishSuccessfulRequest: () => undefined })),
    "to connect is activity, and is written down no more often than it must",
  ],
  "messages are no activity": [
    withLive(() => ({ touch: () => undefined })),
    "a message is activity, also one that looks at no session, and is written down no more often than it must",
  ],
  "each message is written down": [
    withLive((live) => ({ touch: () => void live.run((session) => void session.increment("n")) })),
    "a message is activity, also one that looks at no session, and is written down no more often than it must",
  ],
  "ends are not heard": [
    withLive(() => ({ onEnd: () => () => undefined })),
    "a logout closes every connection of the session, which is told the reason",
  ],
  "every end is told as a logout": [
    withLive((live) => ({ onEnd: (listener) => live.onEnd(() => listener("ended")) })),
    "a new secret closes every connection of the session, which is told the reason",
  ],
  "a new secret closes nothing": [
    withLive((live) => ({
      onEnd: (listener) => live.onEnd((reason) => reason !== "stale" && listener(reason)),
    })),
    "a new secret closes every connection of the session, which is told the reason",
  ],
  "connections that are closed are watched on": [
    withLive(() => ({ close: () => undefined })),
    "a client that leaves leaves nothing behind",
  ],
  "messages see the session as it was": [
    withManager((manager) => {
      let first: Session | null = null;
      return {
        live(session: Session) {
          first = session;
          const live = manager.live(session);
          const run = async (work: (session: Session) => unknown): Promise<unknown> =>
            await work(first ?? session);
          return new Proxy(live, {
            get(target, name) {
              if (name === "run") return run;
              const value: unknown = Reflect.get(target, name);
              return typeof value === "function" ? value.bind(target) : value;
            },
          });
        },
      };
    }),
    "a message reads what requests have written since it connected",
  ],
  "answers do not wait for the store": [
    upon((application) => ({
      ...application,
      handle: async (live, text) => {
        let early: string | null = null;
        const work = application.handle(
          new Proxy(live, {
            get(target, name) {
              const value: unknown = Reflect.get(target, name);
              if (name !== "run") return typeof value === "function" ? value.bind(target) : value;
              return (message: (session: Session) => unknown) =>
                target.run(async (session) => {
                  const result = await message(session);
                  early = String(result);
                  return result;
                });
            },
          }),
          text,
        );
        work.catch(() => undefined);
        let isOver = false;
        while (early === null && !isOver) isOver = await Promise.race([work.then(() => true), nextTurn()]);
        return early ?? (await work);
      },
    })),
    "what a message changes is stored before it is answered",
  ],
  "a handler that fails is taken for one that did not": [
    withLive((live) => ({
      run: async <T>(work: (session: Session) => T | Promise<T>): Promise<T> => {
        let failure: { readonly error: unknown } | null = null;
        const result = await live.run(async (session) => {
          try {
            return await work(session);
          } catch (error) {
            failure = { error };
            return undefined as T;
          }
        });
        const failed = failure as { readonly error: unknown } | null;
        if (failed !== null) throw failed.error;
        return result;
      },
    })),
    "a message that fails changes nothing, and closes nothing",
  ],
};

function nextTurn(): Promise<false> {
  return new Promise((resolve) => {
    setImmediate(() => resolve(false));
  });
}

function brokenIn(outcomes: readonly LiveRuleOutcome[]): string[] {
  return outcomes.filter(({ kind }) => kind === "broken").map(({ rule }) => rule.name);
}

describe("the live contract notices that", () => {
  for (const [what, [subject, caughtBy]] of Object.entries(DEFECTS)) {
    test(what, { timeout: 60_000 }, async () => {
      const rule = liveRules.find(({ name }) => name === caughtBy);
      if (rule === undefined) throw new Error(`There is no rule "${caughtBy}".`);
      expect(brokenIn(await checkLive(SOUND, [rule]))).toEqual([]);
      expect(brokenIn(await checkLive(subject, [rule]))).toEqual([caughtBy]);
    });
  }
});

test("each rule has a name of its own", () => {
  const names = liveRules.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test("an ability that is missing without a reason fails its rules; one with a reason excuses them, and says so", async () => {
  const rules = liveRules.filter(({ needs }) => needs.includes("messages")).slice(0, 1);
  const mute: LiveSubject = {
    ...SOUND,
    abilities: { messages: "", origins: true },
    start: () => Promise.reject(new Error("mute")),
  };
  expect((await checkLive(mute, rules)).map(({ kind }) => kind)).toEqual(["broken"]);
  const excused: LiveSubject = { ...mute, abilities: { messages: "it goes one way", origins: true } };
  expect((await checkLive(excused, rules)).map(({ kind }) => kind)).toEqual(["not applicable"]);
  const printed: string[] = [];
  liveContract({ test: () => undefined, print: (line) => void printed.push(line) }, excused);
  expect(printed).toEqual([expect.stringContaining("it goes one way")]);
});
