import type { CpuProfile, ProfileNode } from "./words.ts";

/** What the processor time of a server goes to. */
export const PARTS = [
  "writing to sockets",
  "the collector",
  "Node",
  "Node, for Holdfast",
  "the framework",
  "the engine's client",
  "the core",
  "the adapter",
  "the store",
  "the rest",
] as const;

export type Part = (typeof PARTS)[number];

/** Where the time of one profile went. */
export interface Attribution {
  /** Of the time that was not idle: shares that add up to 1. */
  readonly parts: Readonly<Record<Part, number>>;
  /** Of functions of Holdfast, those that take the most by themselves. */
  readonly functions: readonly { readonly name: string; readonly share: number }[];
}

const MOST = 12;

/** System calls that the runtime shows as functions of its own. */
const WRITES = new Set(["writev", "writeUtf8String", "writeLatin1String", "writeBuffer"]);
const OWN = /\/holdfast\/dist\/(core|adapters|stores)\/(.*)$/;
const CLIENTS = /\/node_modules\/(?:@redis|redis|pg|pg-[\w-]+)\//;

/** Attributes each sample to what it was found in; what Node does is attributed to who called it. */
export function attributed({ nodes, samples, timeDeltas }: CpuProfile): Attribution {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const callers = new Map(
    nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)),
  );
  const parts = Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<Part, number>;
  const functions = new Map<string, number>();
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const node = byId.get(id);
    if (node === undefined || node.callFrame.functionName === "(idle)") continue;
    const took = timeDeltas[index] ?? 0;
    busy += took;
    parts[partOf(node, callers)] += took;
    const name = nameOf(node);
    if (name !== null) functions.set(name, (functions.get(name) ?? 0) + took);
  }
  for (const part of PARTS) parts[part] /= busy;
  const most = [...functions].sort(([, one], [, other]) => other - one).slice(0, MOST);
  return { parts, functions: most.map(([name, took]) => ({ name, share: took / busy })) };
}

function nameOf({ callFrame: { functionName, url } }: ProfileNode): string | null {
  const [, folder, file] = OWN.exec(url) ?? [];
  return folder === undefined ? null : `${functionName || "(a function)"} in ${folder}/${file}`;
}

function partOf(node: ProfileNode, callers: ReadonlyMap<number, ProfileNode>): Part {
  const { functionName, url } = node.callFrame;
  if (WRITES.has(functionName) && url === "") return "writing to sockets";
  if (functionName === "(garbage collector)") return "the collector";
  if (!isOfNode(url)) return ownPartOf(url);
  for (let caller = callers.get(node.id); caller !== undefined; caller = callers.get(caller.id)) {
    const { url: from } = caller.callFrame;
    if (OWN.test(from)) return "Node, for Holdfast";
    if (!isOfNode(from)) break;
  }
  return "Node";
}

function isOfNode(url: string): boolean {
  return url === "" || url.startsWith("node:");
}

function ownPartOf(url: string): Part {
  const [, folder] = OWN.exec(url) ?? [];
  if (folder === "core") return "the core";
  if (folder === "adapters") return "the adapter";
  if (folder === "stores") return "the store";
  if (CLIENTS.test(url)) return "the engine's client";
  return url.includes("/node_modules/") ? "the framework" : "the rest";
}
