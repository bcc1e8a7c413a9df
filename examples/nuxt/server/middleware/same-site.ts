import { isForeign } from "../../../shop/rules.ts";

/** Forms of other sites have no business here. */
export default defineEventHandler((event) => {
  const site = getRequestHeader(event, "sec-fetch-site");
  if (isForeign(event.method, site))
    throw createError({ statusCode: 403, message: "This form belongs to another site." });
});
