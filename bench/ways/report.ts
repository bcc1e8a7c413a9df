import { type Gain, type WaysResult } from "./measure.ts";

/** The readable report of what each way gains. */
export function reportOnWays(result: WaysResult): string {
  return `# What makes it fast\n\n${waysSection(result)}\n`;
}

/** The same for a page. */
export function waysSection({ command, date, machine, rounds, seconds, gains }: WaysResult): string {
  const { cores, processor, memoryGiB, node, loadBefore, loadAfter = loadBefore } = machine;
  return [
    `- \`${command}\`, ${date}: ${rounds} rounds of ${seconds} s a side, in turn, in one process`,
    `- ${cores} cores of ${processor}, ${memoryGiB} GiB, Node ${node}; load of the machine before ${loadBefore}, at the end ${loadAfter}`,
    "",
    "| | what is done | with | without | µs with | µs without | times as fast |",
    "|---|---|---|---|--:|--:|--:|",
    ...gains.map(rowOf),
  ].join("\n");
}

function rowOf(gain: Gain): string {
  const { median, min, max } = gain.times;
  const times = `**${median}** (${min} to ${max})`;
  return `| ${[gain.name, gain.deed, gain.with, gain.without, gain.each.with, gain.each.without, times].join(" | ")} |`;
}
