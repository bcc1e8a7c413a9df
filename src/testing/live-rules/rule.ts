import type { LiveSession } from "../../core/live.ts";
import type { SessionManager } from "../../core/manager.ts";
import type { Session } from "../../core/session.ts";
import type { AnyStore } from "../../core/store.ts";
import type { ManagerChoice } from "../adapter-rules/rule.ts";
import type { ManualClock } from "../clock.ts";
import type { FaultyStore } from "../faults.ts";
import type { LiveAbility, LiveClient, LiveRefusal, LiveSubject } from "../live-subject.ts";

/** One rule of the live contract: a sentence, and what shows that an adapter keeps it. */
export interface LiveRule {
  /** The rule as a sentence; unique among all rules. */
  readonly name: string;
  readonly group: string;
  /** The abilities without which the rule cannot be tried. */
  readonly needs: readonly LiveAbility[];
  /** Rejects when the adapter breaks the rule. */
  run(context: LiveRuleContext): Promise<void>;
}

export interface LiveStartOptions {
  readonly manager?: ManagerChoice;
  readonly require?: "session" | "user";
  readonly origins?: readonly string[];
  /** Default: the session's user, or `nobody`. */
  readonly greet?: (live: LiveSession<Session>) => string;
  /** Handlers by message. */
  readonly messages?: Readonly<Record<string, (live: LiveSession<Session>) => Promise<string> | string>>;
}

/** An application under test, its clients, and requests of the same sessions beside it. */
export interface LiveApp {
  readonly manager: SessionManager;
  /** Where the server's own pages come from. */
  readonly ownOrigin: string;
  /** Connects, and fails the rule when that is refused. */
  connect(cookie?: string, headers?: Readonly<Record<string, string>>): Promise<LiveClient>;
  /** Connects, and gives whatever comes of it. */
  tryToConnect(
    headers: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<LiveClient | LiveRefusal>;
  /** Does a whole request, as an adapter of requests would, and resolves to the cookie that its client holds after it. */
  request(
    cookie: string | undefined,
    handler: (session: Session) => void | Promise<void>,
  ): Promise<string | undefined>;
  /** A user's session. Resolves to its cookie. */
  login(user?: string): Promise<string>;
  /** What a request with this cookie finds; `null` when it opens nothing. */
  seen(cookie: string | undefined): Promise<Readonly<Record<string, unknown>> | null>;
}

/** What a rule is given to work with. Everything that it starts is stopped after it. */
export interface LiveRuleContext {
  readonly subject: LiveSubject;
  /** The managers' time. Real time decides nothing. */
  readonly clock: ManualClock;
  /** The manager's store, with its faults and the calls that reached it. */
  readonly store: FaultyStore<AnyStore>;
  start(options?: LiveStartOptions): Promise<LiveApp>;
  /** Resolves when something holds, which is looked at in each turn of the event loop; the rule fails when it never does. */
  until(what: string, holds: () => boolean): Promise<void>;
  /** Lets time pass in steps that no call of the store is late by. */
  pass(ms: number): Promise<void>;
}

type UngroupedRule = Omit<LiveRule, "group">;
type Run = LiveRule["run"];

/** Names a rule that every adapter can be held to. */
export function rule(name: string, run: Run): UngroupedRule;
/** Names a rule that needs abilities. */
export function rule(name: string, needs: readonly LiveAbility[], run: Run): UngroupedRule;
export function rule(name: string, needs: readonly LiveAbility[] | Run, run?: Run): UngroupedRule {
  if (typeof needs === "function") return { name, needs: [], run: needs };
  if (run === undefined) throw new TypeError(`The rule "${name}" has nothing to run.`);
  return { name, needs, run };
}

/** Puts rules under one heading. */
export function group(name: string, rules: readonly UngroupedRule[]): readonly LiveRule[] {
  return rules.map((each) => ({ ...each, group: name }));
}
