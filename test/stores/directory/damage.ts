import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SessionId } from "../../../src/core/record.ts";
import { fileIn, overwrite, sessionFolder } from "./support.ts";

/** Ways to spoil a stored record behind the store's back. */
export function damageOf(root: string): Readonly<Record<string, (id: SessionId) => Promise<void>>> {
  const change = async (id: SessionId, edit: (text: string) => string): Promise<void> => {
    const text = await readFile(await fileIn(sessionFolder(root, id), "d."), "utf8");
    await overwrite(root, id, edit(text));
  };
  return {
    emptied: (id) => overwrite(root, id, ""),
    "cut short": (id) => change(id, (text) => text.slice(0, text.length >> 1)),
    "one byte short": (id) => change(id, (text) => text.slice(0, -1)),
    "zero bytes": (id) => overwrite(root, id, Buffer.alloc(4096)),
    "random bytes": (id) => overwrite(root, id, Buffer.from([0xff, 0xfe, 0x00, 0x80, 0xc3, 0x28])),
    "not UTF-8 within a text": async (id) => {
      const bytes = await readFile(await fileIn(sessionFolder(root, id), "d."));
      const key = '"secretHash":"';
      bytes[bytes.indexOf(key) + key.length] = 0xff;
      await overwrite(root, id, bytes);
    },
    "not ours": (id) => overwrite(root, id, "<html></html>"),
    "JSON null": (id) => overwrite(root, id, "null"),
    "deep JSON": (id) => overwrite(root, id, "[".repeat(100_000)),
    "format of a wrong type": (id) => change(id, (text) => text.replace('"format":1', '"format":"1"')),
    "format 0": (id) => change(id, (text) => text.replace('"format":1', '"format":0')),
    "wrong types": (id) => change(id, (text) => text.replace(/"version":\d+/, '"version":"one"')),
    "labels of a wrong type": (id) =>
      change(id, (text) => text.replace(/"labels":\[[^\]]*\]/, '"labels":"all"')),
    "no fields": (id) => change(id, (text) => text.replace('"fields"', '"felds"')),
    "the record of another id": (id) => change(id, (text) => text.replaceAll(id, "AAAAAAAAAAAAAAAAAAAAAAAA")),
    "the data file is missing": async (id) => rm(await fileIn(sessionFolder(root, id), "d.")),
    "two pointers": (id) =>
      writeFile(
        join(sessionFolder(root, id), `p1.${"a".repeat(24)}.${"b".repeat(24)}.${"c".repeat(24)}.1.2`),
        "",
      ),
    "a pointer that is none": async (id) => {
      const pointer = await fileIn(sessionFolder(root, id), "p1.");
      await rename(pointer, join(sessionFolder(root, id), "p1.nonsense"));
    },
    "a file where the folder belongs": async (id) => {
      await rm(sessionFolder(root, id), { recursive: true });
      await writeFile(sessionFolder(root, id), "");
    },
  };
}
