import { Session } from "node:inspector/promises";
import type { CpuProfile } from "../compare/words.ts";

/** How often it is looked what the process does, in microseconds. */
const EVERY = 200;

/** Samples what the process does. */
export class Profiler {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post("Profiler.enable");
    await this.#session.post("Profiler.setSamplingInterval", { interval: EVERY });
    await this.#session.post("Profiler.start");
  }

  async stop(): Promise<CpuProfile> {
    const { profile } = await this.#session.post("Profiler.stop");
    this.#session.disconnect();
    return profile as CpuProfile;
  }
}
