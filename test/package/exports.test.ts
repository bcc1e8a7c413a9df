import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { demandBuild, missingPeer, PACKAGE, PATHS, ROOT, specifierOf } from "./package-json.ts";

beforeAll(demandBuild);

function builtFile(path: string): string {
  return join(ROOT, PACKAGE.exports[path] ?? "");
}

async function valuesOf(path: string): Promise<string[]> {
  const url = pathToFileURL(builtFile(path)).href;
  try {
    return Object.keys((await import(/* @vite-ignore */ url)) as object);
  } catch (error) {
    if (missingPeer(error) === null) throw error;
    return writtenIn(path);
  }
}

/** The names that a built file exports, where its framework is not installed here. It is the compiler's own output, too. */
function writtenIn(path: string): string[] {
  const text = readFileSync(builtFile(path), "utf8");
  const single = [...text.matchAll(/^export (?:async )?(?:class|function|const) (\w+)/gm)].map(
    (match) => match[1] ?? "",
  );
  const listed = [...text.matchAll(/^export \{([^}]*)\}/gm)].flatMap((match) =>
    (match[1] ?? "").split(",").map((name) => name.trim().replace(/^.* as /, "")),
  );
  return [...single, ...listed].filter((name) => name !== "");
}

/** The names that a declaration file exports, types among them. It is the compiler's own output, so its form is known. */
function declaredIn(path: string): string[] {
  const text = readFileSync(builtFile(path).replace(/\.js$/, ".d.ts"), "utf8");
  const single = [
    ...text.matchAll(/^export (?:declare )?(?:class|function|const|interface|type) (\w+)/gm),
  ].map((match) => match[1] ?? "");
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap((match) =>
    (match[1] ?? "").split(",").map((name) => name.trim().replace(/^type |^.* as /, "")),
  );
  const unnamed = /^export default /m.test(text) ? ["default"] : [];
  const names = [...single, ...listed, ...unnamed].map((name) => name.replaceAll('"', ""));
  return [...new Set(names)].filter((name) => name !== "");
}

async function described(path: string): Promise<string> {
  const values = await valuesOf(path);
  const types = declaredIn(path).filter((name) => !values.includes(name));
  const lines = [...values.sort(), ...types.sort().map((name) => `type ${name}`)];
  return `${specifierOf(path)}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

test("every export path exports these names and no other", async () => {
  const all = await Promise.all(PATHS.map(described));
  await expect(all.join("\n")).toMatchFileSnapshot("exports.txt");
});

test("what is exported at run time is declared for the compiler", async () => {
  for (const path of PATHS) {
    const declared = declaredIn(path);
    expect(
      (await valuesOf(path)).filter((name) => !declared.includes(name)),
      path,
    ).toEqual([]);
  }
});
