import type { AnyStore } from "../../core/store.ts";
import type { RuleContext } from "./rule.ts";
import { range } from "./support.ts";

/** Gives out the handles in turn, so that overlapping calls come from all of them. */
export async function turns(context: RuleContext): Promise<(index: number) => AnyStore> {
  const handles = await context.handles();
  return (index) => handles[index % handles.length] ?? context.store;
}

/** Starts the actions in an order of the seed's choosing, without waiting, and resolves what each gave, in the order given. */
export async function overlap<T>(context: RuleContext, actions: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results = new Map<number, Promise<T>>();
  for (const index of context.random.shuffle(range(actions.length))) {
    const action = actions[index];
    if (action) results.set(index, action());
    // Some start after others had a turn, so that calls meet in the middle and not only at their beginning.
    for (let turn = context.random.below(4); turn > 0; turn -= 1) await Promise.resolve();
  }
  return Promise.all(range(actions.length).map((index) => results.get(index) as Promise<T>));
}
