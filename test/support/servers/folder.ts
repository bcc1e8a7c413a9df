import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A temporary folder of a server's own. */
export interface Folder {
  readonly path: string;
  remove(): Promise<void>;
}

/** Makes a folder that the user whom the server runs as can write to. */
export async function serverFolder(name: string, user?: string): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), `holdfast-${name}-`));
  if (user !== undefined && process.getuid?.() === 0) spawnSync("chown", [user, path]);
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** A folder that is somebody else's to remove. */
export function givenFolder(path: string): Folder {
  return { path, remove: async () => {} };
}
