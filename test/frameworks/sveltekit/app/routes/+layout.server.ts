import { siteOf } from "../site";

export const load = (event) => siteOf(event).layout?.(event) ?? {};
