import { readFileSync, writeFileSync } from "node:fs";

/** The inputs that are kept for a target: each reaches something that no other does, or once was a finding. One byte a character. */
export function corpusOf(target: string): string[] {
  return JSON.parse(readFileSync(fileOf(target), "utf8")) as string[];
}

export function keepCorpus(target: string, inputs: readonly string[]): void {
  const sorted = [...new Set(inputs)].toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1));
  writeFileSync(fileOf(target), `${JSON.stringify(sorted, null, 2)}\n`);
}

function fileOf(target: string): URL {
  return new URL(`corpus/${target}.json`, import.meta.url);
}
