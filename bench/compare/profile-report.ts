import { PARTS } from "./attribution.ts";
import type { Profile, ProfilesResult } from "./profile.ts";
import { shown, table } from "./tables.ts";

/** The readable report of where the time of a request goes. */
export function reportOnProfiles(result: ProfilesResult): string {
  return [
    "# Where the time of a request goes",
    profilesSection(result),
    ...result.profiles.filter(({ functions }) => functions.length > 0).map(functionsOf),
    "",
  ].join("\n\n");
}

/** The same for a page, without the names of functions. */
export function profilesSection({ command, date, machine, seconds, profiles }: ProfilesResult): string {
  const { cores, processor, node, loadBefore, loadAfter = loadBefore } = machine;
  return [
    `- \`${command}\`, ${date}: ${seconds} s each, 64 connections, looked at every 200 µs\n` +
      `- ${cores} cores of ${processor}, Node ${node}; load of the machine before ${loadBefore}, at the end ${loadAfter}`,
    table(
      ["µs a request", ...profiles.map(titleOf)],
      [
        ...PARTS.map((part) => [part, ...profiles.map(({ cpu, parts }) => shown(cpu * parts[part]))]),
        ["**together**", ...profiles.map(({ cpu }) => `**${shown(cpu)}**`)],
      ],
    ),
  ].join("\n\n");
}

function titleOf({ framework, store, sessions, work }: Profile): string {
  return sessions === "bare" ? `${framework}, bare` : `${framework}, ${store}: ${work}`;
}

function functionsOf(profile: Profile): string {
  const { cpu, functions } = profile;
  return [
    `## ${titleOf(profile)}`,
    "The functions of Holdfast that take the most by themselves:",
    table(
      ["function", "µs"],
      functions.map(({ name, share }) => [name.replaceAll("|", "\\|"), shown(cpu * share)]),
    ),
  ].join("\n\n");
}
