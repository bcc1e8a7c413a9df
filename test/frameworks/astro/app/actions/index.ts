import { ActionError, defineAction } from "astro:actions";
import { run } from "../site";

/** What the suite returns as a code, the action throws as an error of Astro's. */
async function order(context: Parameters<typeof run>[1]): Promise<unknown> {
  const given = await run("action", context);
  if (typeof given === "string") throw new ActionError({ code: given as "CONFLICT" });
  return given;
}

export const server = {
  order: defineAction({ accept: "form", handler: (_input, context) => order(context) }),
};
