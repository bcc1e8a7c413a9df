import { frameOf } from "$shop/rules.ts";
import type { LayoutServerLoad } from "./$types";

/** What every page shows around its content. The notices are those of this page, so each page asks anew. */
export const load: LayoutServerLoad = ({ locals, request, url }) => ({
  path: url.pathname,
  frame: frameOf(locals.session, request.headers.get("cookie") ?? undefined),
});
