import type { AnyStore } from "../../core/store.ts";
import type { RuleContext } from "./rule.ts";

/** Gives out the handles in turn, so that overlapping calls come from all of them. */
export async function turns(context: RuleContext): Promise<(index: number) => AnyStore> {
  const handles = await context.handles();
  return (index) => handles[index % handles.length] ?? context.store;
}
