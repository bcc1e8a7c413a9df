import { removeIfEmpty, unlessGone } from "./files.ts";
import { bucketOf, hashOfLabel, newTag } from "./names.ts";
import type { IdHex } from "./names.ts";
import { writeInto } from "./place.ts";
import type { Place } from "./place.ts";

/**
 * Entries under `labels` and `expiry` are written before the record that they lead to, and bear the record's birth
 * tag. They are removed only when no record of that birth can be current any more: so a live record is always found,
 * and what is found is looked at before it is believed.
 */
export interface Birth {
  readonly hex: IdHex;
  readonly birth: string;
}

/**
 * Enters labels and an expiry. The entry under `expiry` goes first and names the labels, so that the sweep finds
 * what a killed writer left. Resolves where that entry is, as `<bucket>/<name>`.
 */
export async function enter(
  { layout, files }: Place,
  { hex, birth }: Birth,
  labels: readonly string[],
  expiresAt: number,
): Promise<string> {
  const hashes = labels.map(hashOfLabel);
  const bucket = bucketOf(expiresAt);
  const name = `${hex}.${birth}.${newTag()}`;
  await writeInto(files, layout.bucket(bucket), name, hashes.join("\n"));
  await unlessGone(files.settle(layout.bucket(bucket)));
  await files.settle(layout.expiry);
  if (hashes.length === 0) return `${bucket}/${name}`;

  for (const hash of hashes) {
    await writeInto(files, layout.label(hash), `${hex}.${birth}`, "");
    await unlessGone(files.settle(layout.label(hash)));
  }
  await files.settle(layout.labels);
  return `${bucket}/${name}`;
}

/** Removes entries of labels. Only for a birth that is over. */
export async function removeLabelEntries(
  { layout, files }: Place,
  { hex, birth }: Birth,
  hashes: readonly string[],
): Promise<void> {
  for (const hash of hashes) {
    await unlessGone(files.unlink(`${layout.label(hash)}/${hex}.${birth}`));
    await removeIfEmpty(files, layout.label(hash));
  }
}

/** Removes entries under `expiry` that are where they were written. Only for a birth that is over. */
export async function removeExpiryEntries(
  { layout, files }: Place,
  entries: readonly string[],
): Promise<void> {
  for (const entry of entries) {
    await unlessGone(files.unlink(`${layout.expiry}/${entry}`));
    await removeIfEmpty(files, `${layout.expiry}/${entry.split("/")[0]}`);
  }
}
