import { readdirSync, readFileSync } from "node:fs";
import { parseSync } from "oxc-parser";
import { analyse } from "scslre";
import { describe, expect, test } from "vitest";

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [name: string]: unknown;
}

const ROOT = new URL("../../src/", import.meta.url);
/** The suites that are published hold no secrets but their own. */
const FILES = readdirSync(ROOT, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".ts") && !name.startsWith("testing/"),
);

/** Names of what only its holder may know, of its hash, and of what is compared with either. */
const SECRET = /secret|token|csrf|mask|pepper|passw|signature|outstanding|previous|successor|digest/i;
/** What stores know of any of it. */
const STORED_SECRET = /secret/i;
/** Names that only sound so. */
const NO_SECRET: ReadonlySet<string> = new Set([
  // Whole objects, options and lists, of which nothing but presence or length is asked.
  "tokens",
  "csrf",
  "predecessor",
  "FORM_TOKENS",
  "CSRF",
]);
/** Ways to look for one value among others, each of which stops early or goes by the value's parts. */
const SEARCHES: ReadonlySet<string> = new Set([
  "includes",
  "indexOf",
  "lastIndexOf",
  "has",
  "get",
  "startsWith",
  "endsWith",
  "localeCompare",
  "is",
  "match",
  "search",
  "equals",
  "compare",
]);
/** Where secrets are compared otherwise than by `equalInConstantTime`. */
function earlyComparisons(source: string, name = "source.ts"): string[] {
  const { program, errors } = parseSync(name, source);
  expect(errors, name).toEqual([]);
  const found: string[] = [];
  const pattern = name.startsWith("stores/") ? STORED_SECRET : SECRET;
  const isSecret = (node: Node): boolean => isNamed(node, pattern);
  const report = (node: Node): void => {
    const { start, end } = node as Node & { end: number };
    found.push(`${name}: ${source.slice(start, end).replace(/\s+/g, " ").slice(0, 120)}`);
  };
  walk(program as unknown as Node, (node) => {
    if (node.type === "BinaryExpression" && /^[!=]==?$/.test(String(node["operator"]))) {
      const sides = [node["left"], node["right"]] as Node[];
      if (sides.some(isPlainConstant)) return;
      if (sides.some(isSecret)) report(node);
    }
    if (node.type === "SwitchStatement" && isSecret(node["discriminant"] as Node)) report(node);
    if (node.type === "CallExpression" && isSearch(node, isSecret)) report(node);
  });
  return found;
}

function within(line: string): string {
  return `class Any { async any() { ${line} } }`;
}

function isSearch(call: Node, isSecret: (node: Node) => boolean): boolean {
  const callee = unwrapped(call["callee"] as Node);
  if (callee.type !== "MemberExpression") return false;
  const name = nameOf(callee);
  if (!SEARCHES.has(name)) return false;
  const parts = [callee["object"] as Node, ...(call["arguments"] as Node[])];
  const [first] = call["arguments"] as Node[];
  if (first !== undefined && isPlainConstant(first)) return false;
  return parts.some(isSecret);
}

/** Literals, and what stands for nothing: to compare with those tells of presence alone. */
function isPlainConstant(node: Node): boolean {
  const { type } = unwrapped(node);
  const isNothing = type === "Identifier" && nameOf(node) === "undefined";
  const isTypeof = type === "UnaryExpression" && unwrapped(node)["operator"] === "typeof";
  return type === "Literal" || isNothing || isTypeof;
}

function isNamed(node: Node, pattern: RegExp): boolean {
  const name = nameOf(unwrapped(node));
  return name !== "length" && pattern.test(name) && !NO_SECRET.has(name);
}

function nameOf(node: Node): string {
  const one = unwrapped(node);
  if (one.type === "Identifier" || one.type === "PrivateIdentifier") return String(one["name"]);
  if (one.type === "MemberExpression") {
    const property = one["property"] as Node;
    return property.type === "Literal" ? String(property["value"]) : nameOf(property);
  }
  if (one.type === "CallExpression") return nameOf(one["callee"] as Node);
  return "";
}

function unwrapped(node: Node): Node {
  const inner = {
    TSAsExpression: 1,
    TSNonNullExpression: 1,
    ChainExpression: 1,
    ParenthesizedExpression: 1,
    AwaitExpression: 1,
  };
  const next = (node["expression"] ?? node["argument"]) as Node | undefined;
  return node.type in inner && next !== undefined ? unwrapped(next) : node;
}

function walk(node: Node, visit: (node: Node) => void): void {
  if (typeof node.type === "string") visit(node);
  for (const value of Object.values(node)) {
    for (const part of Array.isArray(value) ? (value as unknown[]) : [value])
      if (typeof part === "object" && part !== null) walk(part as Node, visit);
  }
}

describe("row 5: secrets, their hashes and tokens of forms are compared in constant time (CVE-2013-0263)", () => {
  test("all over the source", () => {
    expect(FILES.length).toBeGreaterThan(100);
    const found = FILES.flatMap((name) => earlyComparisons(readFileSync(new URL(name, ROOT), "utf8"), name));
    expect(found).toEqual([]);
  });

  test("and the rule finds what it is for", () => {
    const planted = [
      "if (record.secretHash === hash) open();",
      "if (hash !== record.secretHash) refuse();",
      "const left = outstanding.filter((known) => known !== token);",
      "const is = outstanding.includes(given);",
      "const is = known.includes(token);",
      "const found = bySecret.get(token.secretHash());",
      "const found = sessions.get(record['secretHash']);",
      "const is = new Set(list).has(csrfToken as string);",
      "switch (session.csrfToken()) { case given: open(); }",
      "const is = Object.is(rotation?.previous, hash);",
      "if ((await read())?.secretHash == sent) open();",
      "if (this.secret === other.secret) open();",
      "if (mask.startsWith(given)) open();",
    ];
    for (const line of planted) expect(earlyComparisons(within(line)), line).toHaveLength(1);
    const sound = [
      "if (record.secretHash === '') return;",
      "if (token === null || rotation?.previous === undefined) return;",
      "if (typeof token !== 'string') return;",
      "if (tokens.length === 0) return;",
      "equalInConstantTime(record.secretHash, hash);",
      "if (text === other) return;",
    ];
    for (const line of sound) expect(earlyComparisons(within(line)), line).toEqual([]);
  });
});

describe("regular expressions that meet what a client or a store says", () => {
  const literals = FILES.flatMap((name) => {
    const found: { readonly name: string; readonly pattern: string; readonly flags: string }[] = [];
    walk(parseSync(name, readFileSync(new URL(name, ROOT), "utf8")).program as unknown as Node, (node) => {
      const regex = node["regex"] as { readonly pattern: string; readonly flags: string } | undefined;
      if (node.type === "Literal" && regex !== undefined) found.push({ name, ...regex });
    });
    return found;
  });

  test("none backtracks more than its text is long", () => {
    expect(literals.length).toBeGreaterThan(30);
    const slow = literals.flatMap(({ name, pattern, flags }) =>
      analyse({ source: pattern, flags }).reports.map((report) => `${name}: /${pattern}/ ${report.type}`),
    );
    expect(slow).toEqual([]);
  });

  test("and the analysis finds what does", () => {
    for (const source of ["^(a+)+$", "^\\s*|\\s*$", "a*a*b", "(?:x|x)*y"])
      expect(analyse({ source, flags: "" }).reports, source).not.toEqual([]);
  });
});
