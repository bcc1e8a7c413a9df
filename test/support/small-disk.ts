import { spawnSync } from "node:child_process";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { serverFolder, type Folder } from "./servers/folder.ts";

const MEBIBYTE = 1024 * 1024;

const mounted = new Set<string>();
process.on("exit", () => {
  for (const path of mounted) spawnSync("umount", ["--lazy", path]);
});

/** A file system of its own that can be filled. Only where the tests run as root on Linux. */
export class SmallDisk {
  readonly path: string;
  readonly #folder: Folder;

  private constructor(folder: Folder) {
    this.path = folder.path;
    this.#folder = folder;
  }

  static get isPossible(): boolean {
    return process.platform === "linux" && process.getuid?.() === 0;
  }

  /** @param user Whom it is to belong to. */
  static async mount(mebibytes: number, user = "root"): Promise<SmallDisk> {
    const folder = await serverFolder("small-disk");
    const identity = spawnSync("id", ["-u", user], { encoding: "utf8" }).stdout.trim();
    const options = `size=${mebibytes}m,mode=0700,uid=${identity}`;
    const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder.path], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`No small disk could be mounted: ${stderr}`);
    mounted.add(folder.path);
    return new SmallDisk(folder);
  }

  /** Leaves not one byte free. */
  async fill(): Promise<void> {
    const file = await open(join(this.path, "filler"), "a");
    try {
      for (const size of [MEBIBYTE, 4096, 1]) await writeAll(() => file.write(Buffer.alloc(size)));
    } finally {
      await file.close();
    }
  }

  /** Gives the space back. */
  async free(): Promise<void> {
    await rm(join(this.path, "filler"), { force: true });
  }

  async unmount(): Promise<void> {
    spawnSync("umount", ["--lazy", this.path]);
    mounted.delete(this.path);
    await this.#folder.remove();
  }
}

async function writeAll(write: () => Promise<unknown>): Promise<void> {
  try {
    for (;;) await write();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
