import { describeMachine, load, type Machine } from "../scale/machine.ts";
import { tell } from "../scale/progress.ts";
import { type Attribution, attributed } from "./attribution.ts";
import { LoadTool, Subject } from "./children.ts";
import { startEngine } from "./engines.ts";
import type { Request } from "./options.ts";
import { rounded } from "./statistics.ts";
import { type FrameworkName, SIZES, type StoreName, workOf, type WorkName } from "./table.ts";
import { preparedCookies } from "./visitor.ts";

/** One server doing one piece of work. */
interface Case {
  readonly framework: FrameworkName;
  readonly store: StoreName;
  readonly sessions: string;
  readonly work: WorkName;
}

/** The same, looked at all the while. */
export interface Profile extends Case, Attribution {
  /** Microseconds of its processor a request, the looking among them. */
  readonly cpu: number;
}

export interface ProfilesResult {
  readonly command: string;
  readonly date: string;
  readonly machine: Machine;
  readonly seconds: number;
  readonly profiles: readonly Profile[];
}

/** What rows of the budget are about that are not met. */
const CASES: readonly Case[] = [
  { framework: "express", store: "memory", sessions: "bare", work: "read" },
  { framework: "express", store: "memory", sessions: "holdfast", work: "read" },
  { framework: "express", store: "memory", sessions: "holdfast", work: "write" },
  { framework: "express", store: "memory", sessions: "holdfast", work: "login" },
  { framework: "express", store: "redis", sessions: "holdfast", work: "read" },
  { framework: "express", store: "redis", sessions: "holdfast", work: "write" },
  { framework: "express", store: "redis", sessions: "holdfast", work: "login" },
  { framework: "fastify", store: "memory", sessions: "bare", work: "read" },
  { framework: "fastify", store: "memory", sessions: "holdfast", work: "read" },
];

const WARM_UP_SECONDS = 1;

/** Looks where the time of a request goes. */
export async function measureProfiles(request: Request, stop: AbortSignal): Promise<ProfilesResult> {
  const machine = describeMachine();
  const tool = await LoadTool.start();
  const profiles: Profile[] = [];
  try {
    for (const one of CASES) {
      stop.throwIfAborted();
      if (!request.only.test(`${one.framework} ${one.store} ${one.sessions} ${one.work}`)) continue;
      tell(`profile: ${one.framework}, ${one.store}, ${one.sessions}, ${one.work}`);
      profiles.push(await profiled(one, request, tool));
    }
  } finally {
    await tool.stop();
  }
  return {
    command: request.command,
    date: new Date().toISOString().slice(0, 10),
    machine: { ...machine, loadAfter: load() },
    seconds: request.seconds,
    profiles,
  };
}

async function profiled(one: Case, { seconds, connections }: Request, tool: LoadTool): Promise<Profile> {
  const { framework, store, sessions, work } = one;
  const engine = await startEngine(store);
  try {
    const subject = await Subject.start({ framework, store, sessions, engines: await engine.addresses() });
    try {
      const { method, path, session } = workOf(work);
      const cookies = session ? await preparedCookies(subject.url, connections, SIZES[session]) : [];
      const slice = { url: `${subject.url}${path}`, method, cookies, connections };
      await tool.run({ ...slice, seconds: WARM_UP_SECONDS });
      await subject.startProfile();
      const before = await subject.usage();
      const { answered } = await tool.run({ ...slice, seconds });
      const cpu = ((await subject.usage()) - before) / answered;
      return { ...one, cpu: rounded(cpu), ...attributed(await subject.stopProfile()) };
    } finally {
      await subject.stop();
    }
  } finally {
    await engine.stop();
  }
}
