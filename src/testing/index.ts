export type { App, Ask, Browser, UnderWay } from "./adapter-client/app.ts";
export type { Connection } from "./adapter-client/connection.ts";
export type { Reply } from "./adapter-client/reply.ts";
export { adapterContract, checkAdapter, type AdapterRuleOutcome } from "./adapter-contract.ts";
export { adapterRules } from "./adapter-rules/index.ts";
export type { AdapterRule, AdapterRuleContext, ManagerChoice, StartOptions } from "./adapter-rules/rule.ts";
export type {
  AdapterAbility,
  AdapterSubject,
  Answer,
  Application,
  Route,
  RouteContext,
  RunningApplication,
} from "./adapter-subject.ts";
export { manualClock, type ManualClock } from "./clock.ts";
export { cookieJar, type CookieJar, type JarCookie } from "./cookie-jar.ts";
export {
  answers,
  failsBefore,
  faultyStore,
  gate,
  hangs,
  losesReply,
  swallowsReply,
  takes,
  throwsAtOnce,
  waitsAfter,
  waitsBefore,
  type Fault,
  type FaultyStore,
  type Gate,
  type StoreCall,
  type StoreOperation,
} from "./faults.ts";
export { checkLive, liveContract, type LiveRuleOutcome } from "./live-contract.ts";
export { liveRules } from "./live-rules/index.ts";
export type { LiveApp, LiveRule, LiveRuleContext, LiveStartOptions } from "./live-rules/rule.ts";
export type {
  LiveAbility,
  LiveApplication,
  LiveClient,
  LiveRefusal,
  LiveSubject,
  RunningLiveApplication,
} from "./live-subject.ts";
export { seededRandom, type Random } from "./random.ts";
export type { Runner, TestFunction } from "./contract.ts";
export { checkStore, storeContract, type RuleOutcome } from "./store-contract.ts";
export { storeRules } from "./store-rules/index.ts";
export type { RuleContext, StoreRule } from "./store-rules/rule.ts";
export type { Ability, OpenedStore, StoreSubject, WorkerSubject } from "./store-subject.ts";
export type { Workers } from "./store-workers.ts";
