import { Subject } from "./children.ts";
import type { RunningEngine } from "./engines.ts";
import type { CountedFigures } from "./result.ts";
import { rounded } from "./statistics.ts";
import { type Group, isFor, SIZES, type SubjectEntry, type WorkEntry, type WorkName } from "./table.ts";
import { Visitor } from "./visitor.ts";

/** Room for nearly all that is allocated meanwhile: the less is collected, the more exact is what the heap grew by. */
const ROOMY = ["--max-semi-space-size=1024", "--min-semi-space-size=1024"];

/** Counts what one request allocates and sends to the engine, one after another, in a process of its own. */
export async function countWorks(
  { framework, store }: Group,
  entry: SubjectEntry,
  engine: RunningEngine,
  works: readonly WorkEntry[],
  requests: number,
): Promise<Map<WorkName, CountedFigures>> {
  const counted = await engine.counted();
  const found = new Map<WorkName, CountedFigures>();
  const engines = counted?.addresses ?? (await engine.addresses());
  const { sessions } = entry;
  const subject = await Subject.start({ framework, sessions, store: entry.store ?? store, engines }, ROOMY);
  try {
    for (const work of works) {
      if (!isFor(entry, work)) continue;
      const figures = await countWork(subject, work, requests, () => counted?.proxy.traffic);
      if (figures !== null) found.set(work.name, figures);
    }
    return found;
  } finally {
    await subject.stop();
    await counted?.proxy.stop();
  }
}

type TrafficNow = () =>
  | { readonly roundTrips: number; readonly bytesSent: number; readonly bytesReceived: number }
  | undefined;

/** @returns null where the subject cannot do it. */
async function countWork(
  subject: Subject,
  work: WorkEntry,
  requests: number,
  traffic: TrafficNow,
): Promise<CountedFigures | null> {
  const visitor = new Visitor(subject.url);
  try {
    if (work.session !== undefined) {
      const { bytes, fields } = SIZES[work.session];
      const { status } = await visitor.ask("POST", `/prepare?bytes=${bytes}&fields=${fields}`);
      if (status !== 200) return null;
    }
    const run = async (times: number): Promise<void> => {
      for (let done = 0; done < times; done += 1) {
        // Who comes without a session comes anew each time.
        if (work.session !== undefined) await visitor.ask(work.method, work.path);
        else await stranger.ask(work.method, work.path);
      }
    };
    const stranger = new Visitor(subject.url, 1, "forgets");
    // For the compilers to have done their work.
    await run(requests);
    await subject.startAllocations();
    const sent = traffic();
    await run(requests);
    const received = traffic();
    const allocated = await subject.stopAllocations();
    stranger.close();
    const each = (total: number): number => rounded(total / requests);
    return {
      allocated: each(allocated),
      ...(sent !== undefined &&
        received !== undefined && {
          roundTrips: each(received.roundTrips - sent.roundTrips),
          bytesSent: each(received.bytesSent - sent.bytesSent),
          bytesReceived: each(received.bytesReceived - sent.bytesReceived),
        }),
    };
  } finally {
    visitor.close();
  }
}
