import { type Cookie, serializeCookie } from "../core/cookie.ts";
import type { HttpExchange } from "../core/exchange.ts";
import type { LiveSession } from "../core/live.ts";
import { SessionManager } from "../core/manager.ts";
import type { Session } from "../core/session.ts";
import { type ManualClock, manualClock } from "./clock.ts";
import { type Outcome, registerRules, type Runner, type Trial, tryRules } from "./contract.ts";
import { faultyStore } from "./faults.ts";
import { liveRules } from "./live-rules/index.ts";
import type { LiveApp, LiveRule, LiveRuleContext, LiveStartOptions } from "./live-rules/rule.ts";
import type { LiveClient, LiveSubject, RunningLiveApplication } from "./live-subject.ts";
import { type Closers, lacking, openedStore, PATIENCE_MS, tryServed, turn } from "./served-trial.ts";

/** What became of one rule. */
export type LiveRuleOutcome = Outcome<LiveRule>;

/** Shorter than the deadline of a store call. */
const STEP_MS = 1000;

/**
 * Registers every rule of the live contract as a test of its own: what an adapter of connections that outlive their request
 * (WebSockets, streams of events) has to keep. A rule that needs an ability which the subject says it lacks is skipped with the
 * subject's reason in its name.
 *
 * @example
 * liveContract({ test, describe }, {
 *   name: "my sockets",
 *   start: async (application) => { … return { connect, ownOrigin, close }; },
 *   abilities: { messages: true, origins: true },
 * });
 */
export function liveContract(runner: Runner, subject: LiveSubject): void {
  registerRules(runner, trialOf(subject, liveRules));
}

/** Tries rules on a subject without any test runner, one after another, and tells what became of each. */
export async function checkLive(
  subject: LiveSubject,
  rules: readonly LiveRule[] = liveRules,
): Promise<LiveRuleOutcome[]> {
  return await tryRules(trialOf(subject, rules));
}

function trialOf(subject: LiveSubject, rules: readonly LiveRule[]): Trial<LiveRule> {
  return {
    headline: `live contract: ${subject.name}`,
    rules,
    abilities: subject.abilities,
    name: (rule) => `${rule.group}: ${rule.name}`,
    whyNot: (rule) => lacking(rule.needs, subject.abilities),
    run: (rule) => runRule(rule, subject),
  };
}

function runRule(rule: LiveRule, subject: LiveSubject): Promise<void> {
  const trying = { subject: subject.name, rule: rule.name, missing: "an answer, or an end," };
  return tryServed(trying, async (closers) => await rule.run(await contextOf(subject, closers)));
}

async function contextOf(subject: LiveSubject, closers: Closers): Promise<LiveRuleContext> {
  const clock = manualClock();
  const store = faultyStore(await openedStore(subject, closers));

  async function start(options: LiveStartOptions = {}): Promise<LiveApp> {
    const manager = new SessionManager({ sweepEvery: false, ...options.manager, store: store.store, clock });
    closers.push(() => manager.close());
    const { require, origins, messages = {} } = options;
    const running = await subject.start({
      manager,
      ...(require !== undefined && { require }),
      ...(origins !== undefined && { origins }),
      greet: options.greet ?? ((live) => live.user ?? "nobody"),
      handle: async (live, text) => await handlerOf(messages, text)(live),
    });
    closers.push(() => running.close());
    return appOf(manager, running);
  }

  return { subject, clock, store, start, until, pass: (ms) => pass(clock, ms) };
}

function handlerOf(
  messages: NonNullable<LiveStartOptions["messages"]>,
  text: string,
): (live: LiveSession<Session>) => Promise<string> | string {
  const handler = messages[text];
  if (handler === undefined) throw new Error(`no rule sends "${text}"`);
  return handler;
}

function appOf(manager: SessionManager, running: RunningLiveApplication): LiveApp {
  const never = new AbortController().signal;
  const app: LiveApp = {
    manager,
    ownOrigin: running.ownOrigin,
    tryToConnect: (headers, signal = never) => running.connect(headers, signal),
    async connect(cookie, headers = {}): Promise<LiveClient> {
      const came = await running.connect({ ...headers, ...(cookie !== undefined && { cookie }) }, never);
      if ("refused" in came) throw new Error(`the connection was refused with status ${came.refused}`);
      return came;
    },
    async request(cookie, handler) {
      const exchange = new BareExchange(cookie);
      const session = await manager.startRequest(exchange);
      await handler(session);
      await manager.finishSuccessfulRequest(exchange);
      return exchange.cookie ?? cookie;
    },
    async login(user = "ann") {
      const cookie = await app.request(undefined, (session) => session.login(user));
      if (cookie === undefined) throw new Error("a login sets a cookie");
      return cookie;
    },
    async seen(cookie) {
      let found: Readonly<Record<string, unknown>> | null = null;
      await app.request(cookie, (session) => void (found = session.isNew ? null : { ...session.data }));
      return found;
    },
  };
  return app;
}

/** A request without a server: the rules are about connections, and change sessions beside them. */
class BareExchange implements HttpExchange {
  readonly method = "GET";
  readonly url = "/";
  readonly mountPath = "";
  readonly secure = true;
  readonly canSetCookie = true;
  readonly commitsLate = false;
  readonly cookieLines: readonly string[];
  cookie: string | undefined;

  constructor(cookie: string | undefined) {
    this.cookieLines = cookie === undefined ? [] : [cookie];
  }

  header(): undefined {}

  setCookie(cookie: Cookie): void {
    this.cookie = serializeCookie(cookie).split(";")[0];
  }

  responseHeader(): undefined {}

  setResponseHeader(): void {}
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const patience = Date.now() + PATIENCE_MS / 2;
  while (!holds()) {
    if (Date.now() > patience) throw new Error(`it never came to be that ${what}`);
    await turn();
  }
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += STEP_MS) {
    clock.advance(Math.min(STEP_MS, ms - passed));
    for (let turns = 0; turns < 3; turns += 1) await turn();
  }
}
