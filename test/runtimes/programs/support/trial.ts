// What a program does that tries a contract on the runtime that runs it: each outcome is a line of JSON, told as it comes.
import {
  type AdapterRule,
  adapterRules,
  type AdapterSubject,
  checkAdapter,
  checkStore,
  type StoreRule,
  storeRules,
  type StoreSubject,
} from "../../../../src/testing/index.ts";
import { LINE_MARK, type Told } from "./told.ts";

type Subjects<Subject> = Readonly<Record<string, () => Subject | Promise<Subject>>>;

/** Tries the adapter contract on the subject that the program's first argument names, and ends the process. */
export async function tryAdapters(subjects: Subjects<AdapterSubject>): Promise<void> {
  const subject = await chosen(subjects);
  await tryEach(adapterRules, (rule) => adapterOutcome(subject, rule));
}

/**
 * Tries the store contract on the subject that the program's first argument names, and ends the process. Does nothing in a worker
 * process of the contract, which imports the program to open stores as it does.
 */
export async function tryStores(subjects: Subjects<StoreSubject>): Promise<void> {
  if (process.argv[2]?.startsWith("file:") === true) return;
  const subject = await chosen(subjects);
  await tryEach(storeRules, (rule) => storeOutcome(subject, rule));
}

export async function adapterOutcome(subject: AdapterSubject, rule: AdapterRule): Promise<Told> {
  return told(rule, await checkAdapter(subject, [rule]));
}

export async function storeOutcome(subject: StoreSubject, rule: StoreRule): Promise<Told> {
  return told(rule, await checkStore(subject, [rule]));
}

async function chosen<Subject>(subjects: Subjects<Subject>): Promise<Subject> {
  const name = process.argv[2] ?? "";
  const make = subjects[name];
  if (make === undefined) throw new Error(`There is no subject "${name}".`);
  return await make();
}

async function tryEach<Rule>(rules: readonly Rule[], outcome: (rule: Rule) => Promise<Told>): Promise<void> {
  for (const rule of rules) console.log(LINE_MARK + JSON.stringify(await outcome(rule)));
  // Clients of servers keep a process alive; all that was to be told is told.
  process.exit(0);
}

interface Named {
  readonly group: string;
  readonly name: string;
}

type Became =
  | { readonly kind: "kept" }
  | { readonly kind: "broken"; readonly error: unknown }
  | { readonly kind: "not applicable"; readonly reason: string };

function told({ group, name }: Named, outcomes: readonly Became[]): Told {
  const rule = `${group}: ${name}`;
  const [became] = outcomes;
  if (became === undefined) return { rule, kind: "broken", detail: "it was not tried" };
  if (became.kind === "kept") return { rule, kind: "kept", detail: "" };
  if (became.kind === "not applicable") return { rule, kind: "not applicable", detail: became.reason };
  const { error } = became;
  return {
    rule,
    kind: "broken",
    detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
