import { siteOf } from "../../site";

export const fallback = (event) => siteOf(event).answer(event);
