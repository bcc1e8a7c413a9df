import { siteOf } from "../../site";

export const load = (event) => siteOf(event).load?.(event) ?? {};
export const actions = { default: (event) => siteOf(event).action(event) };
