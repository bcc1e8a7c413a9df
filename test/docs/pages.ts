import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** One fenced block of a page. */
export interface Block {
  /** The page, relative to the repository. */
  readonly page: string;
  /** The line of the page that the code begins on, counted from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** The file that it is a part of, where a comment above it names one. Whatever checks the file checks it. */
  readonly file: string | undefined;
}

/** Every page of the repository, relative to it. */
export function allPages(): string[] {
  const skipped = ["node_modules", "dist", ".toolchain", ".git", "coverage"];
  return globSync("**/*.md", { cwd: ROOT, exclude: (path) => skipped.includes(String(path)) }).sort();
}

/** The pages whose examples have to be true. */
export function taughtPages(): string[] {
  return allPages().filter((page) => page === "README.md" || page.startsWith("docs/"));
}

export function textOf(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  const lines = textOf(page).split("\n");
  let open: (Omit<Block, "code"> & { readonly code: string[] }) | null = null;
  for (const [index, line] of lines.entries()) {
    const fence = /^```(\S*)/.exec(line);
    if (fence === null) open?.code.push(line);
    else if (open === null) {
      const file = /^<!-- (\S+\.\w+) -->$/.exec(lines[index - 1] ?? "")?.[1];
      open = { page, language: fence[1] ?? "", line: index + 2, code: [], file };
    } else {
      blocks.push({ ...open, code: open.code.join("\n") });
      open = null;
    }
  }
  return blocks;
}

/**
 * What a page's shorter examples take for granted, in a comment that readers do not see. A block that imports Holdfast stands for
 * itself; every other one is taken together with this.
 */
export function preludeOf(page: string): string {
  return /<!-- prelude of the examples\n([\s\S]*?)-->/.exec(textOf(page))?.[1] ?? "";
}

/** The text of a page without its code, where brackets are links. */
export function proseOf(page: string): string {
  return textOf(page)
    .replace(/^```[\s\S]*?^```/gm, "")
    .replace(/`[^`\n]*`/g, "");
}

/** The rows of the first table below a heading, each as its cells; the heading row is not among them. */
export function tableUnder(page: string, heading: string): string[][] {
  const [, below = ""] = textOf(page).split(`## ${heading}\n`);
  const [section = ""] = below.split(/^## /m);
  const [table = ""] = /(^\|.*\n)+/m.exec(section) ?? [];
  return table
    .trimEnd()
    .split("\n")
    .slice(2)
    .map((row) =>
      row
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}
