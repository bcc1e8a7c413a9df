import { lstat, readdir, stat, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { bytes } from "../text.ts";
import { attempted, type Finding, ok, wrong } from "./finding.ts";

/** File systems that others share over a network, by the numbers that Linux gives them (statfs(2)). */
const SHARED: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0x517b: "SMB",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB",
  0x01021997: "9P",
  0x5346414f: "AFS",
  0x00c36400: "Ceph",
  0x0bd00bd0: "Lustre",
  0x47504653: "GPFS",
};

const OTHERS = 0o077;
const SCARCE = 0.05;

/** What holds for every store of one machine: who can read it, and what it lies on. */
export async function placeFindings(path: string): Promise<Finding[]> {
  return [
    ...(await attempted(
      "permissions",
      () => permissionFindings(path),
      "Look at the owner and the permissions yourself.",
    )),
    ...(await attempted("file system", () => systemFindings(path), "Look at the file system yourself.")),
  ];
}

/** The file or folder itself, what lies beside a file under its name (`-wal`, `-lock`), and who owns it. */
async function permissionFindings(path: string): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const one of await partsOf(path)) {
    const { mode, uid } = await stat(one);
    const shown = (mode & 0o777).toString(8);
    if ((mode & OTHERS) !== 0) {
      const right = (mode & 0o100) === 0 ? "600" : "700";
      found.push(
        wrong(
          "error",
          "permissions",
          `${one} is open to others (${shown}): it holds hashes of secrets and all data`,
          `chmod ${right} ${one}`,
        ),
      );
    }
    const own = process.getuid?.();
    if (own !== undefined && own !== 0 && uid !== own) {
      found.push(
        wrong(
          "warning",
          "permissions",
          `${one} belongs to another user`,
          "Run the server and this program as its owner.",
        ),
      );
    }
  }
  return found.length > 0 ? found : [ok("permissions", "for the owner alone")];
}

const BESIDE = ["", "-wal", "-shm", "-journal", "-lock"];

async function partsOf(path: string): Promise<string[]> {
  if ((await stat(path)).isDirectory()) return [path];
  const there = new Set(await readdir(dirname(path)));
  const names = BESIDE.map((suffix) => `${basename(path)}${suffix}`);
  return names.filter((name) => there.has(name)).map((name) => join(dirname(path), name));
}

async function systemFindings(path: string): Promise<Finding[]> {
  const { type, bavail, blocks, bsize } = await statfs(path);
  const shared = SHARED[type];
  const link = await lstat(path);
  return [
    shared === undefined
      ? ok("file system", "a local one, as far as can be seen")
      : wrong(
          "error",
          "file system",
          `${shared}: locks and renames are not safe there`,
          "Move it to a local disk, or take a store with a server.",
        ),
    bavail < blocks * SCARCE
      ? wrong(
          "warning",
          "disk",
          `only ${bytes(bavail * bsize)} are free: writes fail when it is full`,
          "Make room.",
        )
      : ok("disk", `${bytes(bavail * bsize)} are free`),
    ...(link.isSymbolicLink()
      ? [
          wrong(
            "note",
            "file system",
            `${path} is a symbolic link`,
            "Name the file itself, so that all processes lock the same one.",
          ),
        ]
      : []),
  ];
}
