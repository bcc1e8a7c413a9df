import type { Page } from "./page.ts";
import type { Report } from "./report.ts";
import type { Reading, Visitor } from "./visitor.ts";

/** How often the page is read, at most: what comes in parts can still arrive at once, on a machine that is busy elsewhere. */
const ATTEMPTS = 5;

/** What was seen of one reading. */
interface Seen {
  /** Whether the rest was still on its way after the beginning had been seen, and another page fetched. */
  readonly cameInParts: boolean;
  /** Whether that other page knew the session whose cookie came with the beginning, if one did. */
  readonly wasSaved: boolean;
  readonly whole: Page;
}

/** Reads the page that comes in two parts, until it was seen to do so. */
export async function readTides(visitor: Visitor, report: Report, name: string): Promise<void> {
  let seen = await readOnce(visitor);
  const savedEachTime = [seen.wasSaved];
  for (let attempt = 1; attempt < ATTEMPTS && !seen.cameInParts; attempt += 1) {
    seen = await readOnce(visitor);
    savedEachTime.push(seen.wasSaved);
  }
  const { whole } = seen;
  report.expect(seen.cameInParts, `tide table of ${name}: the beginning comes before the rest`);
  report.expect(savedEachTime.every(Boolean), "… whatever session it opens is saved before that");
  report.expect(
    whole.status === 200 &&
      whole.headings.includes("Tide table") &&
      whole.tides.length === 4 &&
      whole.tides.every((water) => /^(High|Low) water \d\d:\d\d$/.test(water)) &&
      whole.writtenFor === name,
    "… and the whole page is right",
    [whole.status, whole.headings, whole.tides, whole.writtenFor],
  );
}

async function readOnce(visitor: Visitor): Promise<Seen> {
  const reading = await visitor.startReading("/tide");
  await reading.until((page) => page.text.includes("Asking the harbour master …"));
  const isWaiting = isWithoutTides(reading);
  const shopPage = await visitor.open("/");
  const cameInParts = isWaiting && isWithoutTides(reading);
  const wasSaved = visitor.cookie === "" || shopPage.sessionId !== undefined;
  return { cameInParts, wasSaved, whole: await reading.whole() };
}

function isWithoutTides({ page }: Reading): boolean {
  return page.tides.length === 0 && page.writtenFor === undefined;
}
