import { type LoadTool, Subject } from "./children.ts";
import { countWorks } from "./counted.ts";
import { type RunningEngine, startEngine } from "./engines.ts";
import { countLosses } from "./losses.ts";
import type { Request } from "./options.ts";
import type { CountedFigures, GroupResult, LoadFigures, Loss, SubjectResult, WorkResult } from "./result.ts";
import { alternate, figuresOf, type Runner } from "./rounds.ts";
import {
  type Group,
  isFor,
  SIZES,
  type SubjectEntry,
  type WorkEntry,
  type WorkName,
  WORKS,
} from "./table.ts";
import { preparedCookies } from "./visitor.ts";
import { tell } from "../scale/progress.ts";

/** A subject that runs, with the cookies of its sessions by what they hold. */
interface Standing {
  readonly entry: SubjectEntry;
  readonly subject: Subject;
}

/** What was found out of one subject so far. */
interface Found {
  readonly load: Map<WorkName, LoadFigures>;
  readonly cannot: Map<WorkName, string>;
  counted: Map<WorkName, CountedFigures>;
  loss?: Loss;
}

/** Measures one group: the subjects under load in turn, then what they lose, then what one request counts. */
export async function measureGroup(
  group: Group,
  request: Request,
  tool: LoadTool,
  stop: AbortSignal,
): Promise<GroupResult | null> {
  const { framework, store } = group;
  const wanted = (entry: SubjectEntry, work: WorkEntry): boolean =>
    request.only.test(`${framework} ${store} ${entry.name} ${work.name}`);
  const works = WORKS.filter((work) => group.subjects.some((entry) => wanted(entry, work)));
  // The bare server is what all others are measured by under load.
  const subjects = group.subjects.filter(
    (entry) => (entry.sessions === "bare" && !request.counted) || works.some((work) => wanted(entry, work)),
  );
  if (works.length === 0) return null;

  tell(`${framework}, ${store}: starting`);
  const engine = await startEngine(store);
  const found = new Map<string, Found>(
    subjects.map(({ name }) => [name, { load: new Map(), cannot: new Map(), counted: new Map() }]),
  );
  try {
    if (!request.counted) await underLoad(group, engine, subjects, works, { request, tool, stop, found });
    for (const entry of subjects) {
      stop.throwIfAborted();
      const own = found.get(entry.name);
      tell(`${framework}, ${store}: counting for ${entry.name}`);
      if (own !== undefined)
        own.counted = await countWorks(group, entry, engine, works, request.countedRequests);
    }
    return {
      framework,
      store,
      subjects: subjects.map((entry) => resultOf(entry, works, found.get(entry.name))),
    };
  } finally {
    await engine.stop();
  }
}

interface Run {
  readonly request: Request;
  readonly tool: LoadTool;
  readonly stop: AbortSignal;
  readonly found: ReadonlyMap<string, Found>;
}

async function underLoad(
  { framework, store }: Group,
  engine: RunningEngine,
  subjects: readonly SubjectEntry[],
  works: readonly WorkEntry[],
  { request, tool, stop, found }: Run,
): Promise<void> {
  const standing: Standing[] = [];
  try {
    for (const entry of subjects) {
      const engines = await engine.addresses();
      const launch = { framework, sessions: entry.sessions, store: entry.store ?? store, engines };
      standing.push({ entry, subject: await Subject.start(launch) });
    }
    for (const work of works) {
      tell(`${framework}, ${store}: ${work.name}`);
      const runners: Runner[] = [];
      for (const one of standing) {
        if (!isFor(one.entry, work)) continue;
        const runner = await prepared(one, work, request.connections);
        if (typeof runner === "string") found.get(one.entry.name)?.cannot.set(work.name, runner);
        else runners.push(runner);
      }
      const slices = await alternate(tool, runners, work, { ...request, stop });
      const bare = slices.get("bare") ?? [];
      for (const [name, own] of slices) found.get(name)?.load.set(work.name, figuresOf(own, bare));
    }
    if (works.some(({ session }) => session === "shared"))
      for (const { entry, subject } of standing) {
        const own = found.get(entry.name);
        if (own !== undefined && entry.sessions !== "bare" && entry.sessions !== "by hand")
          own.loss = await countLosses(subject.url, request.waves);
      }
  } finally {
    await Promise.all(standing.map(({ subject }) => subject.stop()));
  }
}

/** Makes the sessions that a work wants. Gives the reason where the subject refuses them. */
async function prepared(
  { entry, subject }: Standing,
  work: WorkEntry,
  connections: number,
): Promise<Runner | string> {
  const { name } = entry;
  if (work.session === undefined) return { name, subject, cookies: [] };
  try {
    const count = work.session === "shared" ? 1 : connections;
    return { name, subject, cookies: await preparedCookies(subject.url, count, SIZES[work.session]) };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function resultOf(
  { name }: SubjectEntry,
  works: readonly WorkEntry[],
  found: Found | undefined,
): SubjectResult {
  const results = works.flatMap((work): WorkResult[] => {
    const cannot = found?.cannot.get(work.name);
    if (cannot !== undefined) return [{ name: work.name, cannot }];
    const load = found?.load.get(work.name);
    const counted = found?.counted.get(work.name);
    if (load === undefined && counted === undefined) return [];
    return [
      { name: work.name, ...(load !== undefined && { load }), ...(counted !== undefined && { counted }) },
    ];
  });
  return { name, works: results, ...(found?.loss !== undefined && { loss: found.loss }) };
}
