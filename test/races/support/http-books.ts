/** What one request was to do. Each is told apart from all others by its name or its value. */
export type Deed =
  | { readonly verb: "increment"; readonly name: string }
  | { readonly verb: "append"; readonly name: string; readonly value: string }
  | { readonly verb: "set"; readonly name: string; readonly value: string };

type Fate = "kept" | "dropped" | "unknown";

/** The books of one session: what was asked, what was acknowledged, and whether the store agrees. */
export class Books {
  readonly #entries: { readonly deed: Deed; readonly fate: Fate }[] = [];

  /** Enters what became of a deed. A lost connection (0) and a 503 leave open whether it happened; any other refusal does not. */
  enter(deed: Deed, status: number): void {
    const kept = status >= 200 && status < 400;
    this.#entries.push({
      deed,
      fate: kept ? "kept" : status === 503 || status === 0 ? "unknown" : "dropped",
    });
  }

  get kept(): number {
    return this.#entries.filter(({ fate }) => fate === "kept").length;
  }

  /** Everything in which the data differ from the books; nothing when all is well. */
  differences(data: Readonly<Record<string, unknown>>): string[] {
    const names = new Set([...this.#entries.map(({ deed }) => deed.name), ...Object.keys(data)]);
    return [...names].flatMap((name) => {
      const entries = this.#entries.filter(({ deed }) => deed.name === name);
      const found = data[name];
      if (entries.length === 0) return [`${name} came from nowhere`];
      return entries[0]?.deed.verb === "increment"
        ? counted(
            name,
            entries.map(({ fate }) => fate),
            Number(found ?? 0),
          )
        : listed(name, entries, found === undefined ? [] : [found].flat());
    });
  }
}

function counted(name: string, fates: readonly Fate[], found: number): string[] {
  const least = fates.filter((fate) => fate === "kept").length;
  const most = least + fates.filter((fate) => fate === "unknown").length;
  if (found >= least && found <= most) return [];
  return [`${name} is ${found}, not ${least === most ? least : `${least} to ${most}`}`];
}

function listed(
  name: string,
  entries: readonly { readonly deed: Deed; readonly fate: Fate }[],
  found: readonly unknown[],
): string[] {
  const complaints: string[] = [];
  const left = new Map<unknown, number>();
  for (const value of found) left.set(value, (left.get(value) ?? 0) + 1);
  for (const { deed, fate } of entries) {
    const value = "value" in deed ? deed.value : "";
    const times = left.get(value) ?? 0;
    left.delete(value);
    if (times > 1) complaints.push(`${name}: ${value} is there ${times} times`);
    if (times === 0 && fate === "kept")
      complaints.push(`${name}: ${value} was acknowledged and is not there`);
    if (times > 0 && fate === "dropped") complaints.push(`${name}: ${value} was refused and is there`);
  }
  for (const value of left.keys()) complaints.push(`${name}: ${String(value)} came from nowhere`);
  return complaints;
}

/** The query that asks for a deed. */
export function queryFor(deed: Deed, more: Readonly<Record<string, string>> = {}): string {
  return new URLSearchParams({ ...deed, ...more }).toString();
}
