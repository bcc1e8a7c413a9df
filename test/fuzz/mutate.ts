import type { Random } from "../../src/testing/index.ts";

const MAX_LENGTH = 4096;

/** Pieces that the parsers look for. Guessing them by single bytes would take for ever. */
const PIECES: readonly string[] = [
  "sid=",
  ";",
  "; ",
  "=",
  "\n",
  "\t",
  "\r\n",
  "\0",
  '"',
  "\\",
  "\\u0000",
  "\\ud800",
  "~",
  ":",
  ",",
  "[",
  "]",
  "{",
  "}",
  "[]",
  "{}",
  "null",
  "true",
  "0",
  "-1",
  "1e999",
  "9007199254740993",
  "-0",
  '"a"',
  '"":',
  "__proto__",
  "constructor",
  "toString",
  "length",
  '{"~":"Date","=":0}',
  '{"~":"Map","=":[]}',
  '{"~":"Set","=":[]}',
  '{"~":"URL","=":"a:b"}',
  '{"~":"bigint","=":"1"}',
  '{"~":"Object","=":[]}',
  '{"~":"null-prototype","=":{}}',
  '{"~":"number","=":"-0"}',
  '{"~":"undefined"}',
  '"user":',
  '"at":',
  '"methods":',
  '"previous":',
  '"mask":',
  '"confirmedAt":',
  '"rememberMs":',
  '"notice":',
  "A".repeat(24),
  "A".repeat(32),
  "A".repeat(56),
  "0".repeat(24),
  "f".repeat(36),
  "p1.",
  "p2.",
  "d.",
  "same-origin",
  "cross-site",
  "same-site",
  "none",
  "https://",
  "http://",
  "a.example",
  ":443",
  "@",
  "#",
  "?",
  "/",
  "..",
  "%2f",
  "null\n",
  "application/x-www-form-urlencoded",
  "application/json",
  "charset=utf-8",
  "private",
  "public",
  "s-maxage=1",
  "max-age=1",
  "no-store",
  "no-cache",
  '="x"',
  "4000000000000",
  "1 1 1 1 1 1 - ",
  "?1",
  ":aGk=:",
  "::",
  "::ffff:",
  "%eth0",
  '"alg":"none"',
  '"crit":["b64"]',
  '"jwk":{}',
  '"sub_id":',
  '"format":"opaque"',
  '"id":"x"',
  "$csrf",
  "$bob",
  "\u00ff",
  "\u00c3\u00a9",
  "\u00ed\u00a0\u0080",
];

/** Makes another input of some that are known. */
export function mutated(inputs: readonly string[], random: Random): string {
  let text = pick(inputs, random) ?? "";
  const steps = 1 + random.below(6);
  for (let step = 0; step < steps; step += 1) text = changed(text, inputs, random);
  return text.slice(0, MAX_LENGTH);
}

function changed(text: string, inputs: readonly string[], random: Random): string {
  const at = random.below(text.length + 1);
  const end = Math.min(text.length, at + random.below(16));
  const [head, tail] = [text.slice(0, at), text.slice(at)];
  switch (random.below(9)) {
    case 0:
      return head + String.fromCharCode(random.below(256)) + tail;
    case 1:
      return head + String.fromCharCode(random.below(256)) + tail.slice(1);
    case 2:
      return head + text.slice(end);
    case 3:
      return head + text.slice(at, end) + tail;
    case 4:
      return head + text.slice(at, end).repeat(1 + random.below(40)) + text.slice(end);
    case 5: {
      const other = pick(inputs, random) ?? "";
      return head + other.slice(random.below(other.length + 1));
    }
    case 6:
      return swappedLines(text, random);
    default:
      return head + (pick(PIECES, random) ?? "") + (random.below(2) === 0 ? tail : text.slice(end));
  }
}

function swappedLines(text: string, random: Random): string {
  const lines = text.split("\n");
  const [one, other] = [random.below(lines.length), random.below(lines.length)];
  [lines[one], lines[other]] = [lines[other] ?? "", lines[one] ?? ""];
  return lines.join("\n");
}

function pick<T>(items: readonly T[], random: Random): T | undefined {
  return items[random.below(items.length)];
}
