import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundledCore } from "../../test/package/core-size.ts";
import { tell } from "../scale/progress.ts";
import { Subject, told } from "./children.ts";
import type { Request } from "./options.ts";
import type { SingleFigures } from "./result.ts";
import { rounded, type Spread, spreadOf } from "./statistics.ts";
import { Visitor } from "./visitor.ts";

/** Whose memory stores are weighed. */
const WEIGHED = ["holdfast", "express-session", "hono-sessions"];

/** What is started, by framework and by what keeps its sessions, in memory. */
const STARTED: readonly (readonly [framework: string, sessions: string])[] = [
  ["node", "bare"],
  ["node", "holdfast"],
  ["express", "bare"],
  ["express", "holdfast"],
  ["express", "express-session"],
  ["fastify", "bare"],
  ["fastify", "holdfast"],
  ["fastify", "@fastify/session"],
];

const IMPORTED: readonly (readonly string[])[] = [
  ["holdfast"],
  ["holdfast", "holdfast/adapters/express", "holdfast/stores/memory"],
  ["express-session"],
  ["@fastify/session", "@fastify/cookie"],
  ["koa-session"],
  ["hono-sessions"],
  ["iron-session"],
];

/** Measures what is measured once, as far as it is asked for. */
export async function measureSingles(request: Request, stop: AbortSignal): Promise<SingleFigures> {
  const { only } = request;
  stop.throwIfAborted();
  return {
    ...(only.test("core size") && { coreSize: await sizeOfCore() }),
    ...(only.test("start-up") && {
      startUp: await startUps(request, stop),
      imports: await imports(request, stop),
    }),
    ...(only.test("memory per session") && { resident: await weights(request, stop) }),
  };
}

async function sizeOfCore(): Promise<SingleFigures["coreSize"] & {}> {
  const { code, compressed } = await bundledCore();
  return { minified: Buffer.byteLength(code), compressed };
}

async function weights(
  { resident: sessions }: Request,
  stop: AbortSignal,
): Promise<SingleFigures["resident"] & {}> {
  const bytes: Record<string, number> = {};
  for (const library of WEIGHED) {
    stop.throwIfAborted();
    tell(`memory of ${sessions} sessions: ${library}`);
    bytes[library] = Math.round(
      await told<number>("resident.ts", [library, String(sessions)], ["--max-old-space-size=8192"]),
    );
  }
  return { sessions, bytes };
}

async function startUps({ starts }: Request, stop: AbortSignal): Promise<Record<string, Spread>> {
  tell("start-up");
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const times = new Map<string, number[]>();
  for (let round = 0; round < starts; round += 1)
    for (const [framework, sessions] of STARTED) {
      stop.throwIfAborted();
      const name = `${framework}, ${sessions}`;
      times.set(name, [...(times.get(name) ?? []), await startUp(framework, sessions, folder)]);
    }
  await rm(folder, { recursive: true, force: true });
  return Object.fromEntries([...times].map(([name, values]) => [name, spreadOf(values)]));
}

async function startUp(framework: string, sessions: string, folder: string): Promise<number> {
  const started = performance.now();
  const subject = await Subject.start({ framework, sessions, store: "memory", engines: { folder } });
  const visitor = new Visitor(subject.url);
  await visitor.ask("GET", "/anonymous");
  const took = performance.now() - started;
  visitor.close();
  await subject.stop();
  return rounded(took);
}

async function imports({ starts }: Request, stop: AbortSignal): Promise<Record<string, Spread>> {
  tell("imports");
  const times: Record<string, Spread> = {};
  for (const modules of IMPORTED) {
    const values: number[] = [];
    for (let round = 0; round < starts; round += 1) {
      stop.throwIfAborted();
      values.push(await told<number>("importing.ts", modules));
    }
    times[modules.join(", ")] = spreadOf(values);
  }
  return times;
}
