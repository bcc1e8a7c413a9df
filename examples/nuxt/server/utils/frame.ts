import type { H3Event } from "h3";
import type { Frame } from "../../../shop/pages.ts";
import { frameOf } from "../../../shop/rules.ts";

/** What every page shows around its content. Takes the notices, so they are gone afterwards. */
export function readFrame(event: H3Event): Frame {
  return frameOf(event.context.session, getRequestHeader(event, "cookie"));
}
