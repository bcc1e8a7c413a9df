import cliProgress from "cli-progress";
import { span } from "./text.ts";
import type { World } from "./world.ts";

/** Shows how far something is, to who sits at a terminal. */
export interface Progress {
  update(done: number, total: number | null): void;
  stop(): void;
}

const NOWHERE: Progress = { update: () => undefined, stop: () => undefined };

/** A bar with the rate and the remaining time; without a total, the rate alone. Nothing where nobody sees it. */
export function progressOf(world: World, noun: string, doneBefore: number): Progress {
  const { progress: stream } = world;
  if (stream === null) return NOWHERE;
  const begun = world.now();
  const bar = new cliProgress.SingleBar(
    {
      stream,
      format: (_options, { value, total }, { isCounted, rate }: { isCounted: boolean; rate: number }) =>
        line({ value, total: isCounted ? total : null, rate, noun }),
      // The program stops by itself, and so the bar.
      gracefulExit: false,
      clearOnComplete: false,
      autopadding: false,
      emptyOnZero: true,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(1, doneBefore, { isCounted: false, rate: 0 });
  return {
    update(done, total) {
      const seconds = Math.max(1, world.now() - begun) / 1000;
      // Requests add sessions meanwhile.
      bar.setTotal(Math.max(total ?? 0, done, 1));
      bar.update(done, { isCounted: total !== null, rate: (done - doneBefore) / seconds });
    },
    stop: () => bar.stop(),
  };
}

interface Shown {
  readonly value: number;
  readonly total: number | null;
  readonly rate: number;
  readonly noun: string;
}

const WIDTH = 30;

function line({ value, total, rate, noun }: Shown): string {
  const speed = `${Math.round(rate).toLocaleString("en-GB")}/s`;
  if (total === null) return `${value.toLocaleString("en-GB")} ${noun}, ${speed}`;
  const share = Math.min(1, value / total);
  const filled = Math.round(share * WIDTH);
  const left = rate > 0 ? `${span(((total - value) / rate) * 1000)} left` : "";
  const drawn = `${"█".repeat(filled)}${"░".repeat(WIDTH - filled)}`;
  const figures = `${value.toLocaleString("en-GB")} of ${total.toLocaleString("en-GB")} ${noun}`;
  return `${drawn} ${Math.floor(share * 100)} %  ${figures}  ${speed}  ${left}`.trimEnd();
}
