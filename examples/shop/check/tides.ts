import type { Page } from "./page.ts";
import type { Report } from "./report.ts";
import type { Visitor } from "./visitor.ts";

/** How often the page is read, at most: what comes in parts can still arrive at once, on a machine that is busy elsewhere. */
const ATTEMPTS = 5;

/** What was seen of one reading. */
interface Seen {
  /** Whether the rest was still on its way after the beginning had been seen, and another page fetched. */
  readonly cameInParts: boolean;
  /** Whether that other page knew the session whose cookie came with the beginning, if one did. */
  readonly wasSaved: boolean;
  readonly whole: Page;
  /** What came after the beginning. */
  readonly rest: string;
}

/** Reads the page that comes in two parts, until it was seen to do so. */
export async function readTides(visitor: Visitor, report: Report, name: string): Promise<void> {
  let seen = await readOnce(visitor);
  const savedEachTime = [seen.wasSaved];
  for (let attempt = 1; attempt < ATTEMPTS && !seen.cameInParts; attempt += 1) {
    seen = await readOnce(visitor);
    savedEachTime.push(seen.wasSaved);
  }
  const { whole, rest } = seen;
  report.expect(seen.cameInParts, `tide table of ${name}: the beginning comes before the rest`);
  report.expect(savedEachTime.every(Boolean), "… whatever session it opens is saved before that");
  report.expect(
    whole.status === 200 &&
      whole.headings.includes("Tide table") &&
      (isWritten(whole, name) || isSentAsData(whole, rest, name)),
    "… and the whole page is right",
    [whole.status, whole.headings, whole.tides, whole.writtenFor],
  );
}

async function readOnce(visitor: Visitor): Promise<Seen> {
  const reading = await visitor.startReading("/tide");
  await reading.until((page) => page.text.includes("Asking the harbour master …"));
  const beginning = reading.page.source;
  const shopPage = await visitor.open("/");
  const cameInParts = watersIn(beginning).size === 0 && watersIn(reading.page.source).size === 0;
  const wasSaved = visitor.cookie === "" || shopPage.sessionId !== undefined;
  const whole = await reading.whole();
  return { cameInParts, wasSaved, whole, rest: whole.source.slice(beginning.length) };
}

function isWritten({ tides, writtenFor }: Page, name: string): boolean {
  return tides.length === 4 && tides.every((water) => watersIn(water).has(water)) && writtenFor === name;
}

/** Some frameworks send data after the beginning, which their script puts on the page. Browsers without scripts never show it. */
function isSentAsData({ tides, writtenFor }: Page, rest: string, name: string): boolean {
  const isEmpty = tides.length === 0 && writtenFor === undefined;
  return isEmpty && watersIn(rest).size === 4 && rest.includes(name);
}

function watersIn(source: string): ReadonlySet<string> {
  return new Set(source.match(/\b(?:High|Low) water \d\d:\d\d\b/g));
}
