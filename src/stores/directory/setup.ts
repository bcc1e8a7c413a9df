import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { SessionError } from "../../core/errors.ts";
import { FORMAT } from "./content.ts";
import { unlessGone } from "./files.ts";
import type { Look } from "./files.ts";
import { newTag } from "./names.ts";
import type { Place } from "./place.ts";

/**
 * Makes the store's folder and what belongs in it, or finds it made. Rejects when others could tamper with it, when
 * a newer version wrote it, and when it holds something else.
 */
export async function setUp(place: Place): Promise<void> {
  const { files, layout } = place;
  const made = await mkdir(layout.root, { recursive: true, mode: 0o700 });
  if (made !== undefined) await files.setMode(layout.root, 0o700);
  const mode = await assertOurs(place);
  const ours = await isOurs(place);
  if ((mode & 0o077) !== 0) await closeToOthers(place, ours);

  for (const folder of [layout.sessions, layout.labels, layout.expiry, layout.temp]) {
    // One that was killed between the two steps may have left a folder that the umask made too narrow.
    if (!(await files.makeFolder(folder))) await files.setMode(folder, 0o700);
  }
  if (!ours) await mark(place);
  await files.settle(layout.root);
}

/**
 * Whoever owns a folder can replace what is in it, and whoever owns a link where it leads: sessions there would be
 * theirs to write. Resolves the mode.
 */
async function assertOurs({ files, layout: { root } }: Place): Promise<number> {
  const self = process.geteuid?.() ?? -1;
  const here = await files.look(root);
  if (here.kind === "link" && ![-1, 0, self].includes(here.owner)) throw foreign(root, here, self);
  const there = here.kind === "link" ? await files.look(`${root}/.`) : here;
  if (![-1, self].includes(there.owner)) throw foreign(root, there, self);
  return there.mode;
}

function foreign(root: string, look: Look, self: number): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFIG",
    `The folder "${root}" belongs to user ${look.owner}, this process is user ${self}. ` +
      `Name a folder inside it that does not exist yet, or change its owner.`,
  );
}

async function isOurs({ files, layout }: Place): Promise<boolean> {
  const bytes = await unlessGone(files.read(layout.format));
  if (bytes === undefined) return false;
  const text = bytes.toString("latin1");
  if (text === `${FORMAT}\n`) return true;
  if (/^\d{1,9}\n$/.test(text) && Number(text) > FORMAT) {
    throw new SessionError(
      "ERR_SESSION_FORMAT",
      `The folder "${layout.root}" was written by a newer version of Holdfast. Upgrade this process.`,
    );
  }
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `The file "format" in "${layout.root}" is not Holdfast's. Name a folder of its own, or remove that file.`,
  );
}

/** A folder of our user that others may enter: closed when nobody can miss it, else left for its owner to decide. */
async function closeToOthers({ files, layout }: Place, ours: boolean): Promise<void> {
  const own = [layout.format, layout.sessions, layout.labels, layout.expiry, layout.temp];
  const others = (await files.list(layout.root)).filter((name) => !own.includes(join(layout.root, name)));
  if (!ours && others.length > 0) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `The folder "${layout.root}" is open to other users and holds other files. Name an empty folder, or run: chmod 700 "${layout.root}"`,
    );
  }
  await files.setMode(layout.root, 0o700);
}

/** Through a rename, so that nobody ever reads half a mark; many at once write the same. */
async function mark({ files, layout }: Place): Promise<void> {
  const scratch = `${layout.temp}/f.${newTag()}`;
  await files.write(scratch, `${FORMAT}\n`);
  await files.rename(scratch, layout.format);
}
