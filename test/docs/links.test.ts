import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { allPages, proseOf, ROOT, textOf } from "./pages.ts";

interface Link {
  readonly page: string;
  readonly target: string;
}

function linksOf(page: string): Link[] {
  return [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => ({ page, target: match[1] ?? "" }));
}

/** The anchors that a page offers, as code hosts make them of headings. */
function anchorsOf(page: string): string[] {
  return [
    ...textOf(page)
      .replace(/^```[\s\S]*?^```/gm, "")
      .matchAll(/^#+ (.+)$/gm),
  ].map((match) =>
    (match[1] ?? "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function problemOf({ page, target }: Link): string | null {
  if (/^[a-z]+:/.test(target)) return null;
  const [path = "", anchor] = target.split("#");
  const found = path === "" ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(ROOT, found))) return `${page} links to ${target}, which is not there`;
  if (anchor === undefined || anchorsOf(found).includes(anchor)) return null;
  return `${page} links to ${target}, and ${found} has no such heading`;
}

test("every relative link of every page leads somewhere", () => {
  const links = allPages().flatMap(linksOf);
  expect(links.length).toBeGreaterThan(15);
  expect(links.map(problemOf).filter((problem) => problem !== null)).toEqual([]);
});
