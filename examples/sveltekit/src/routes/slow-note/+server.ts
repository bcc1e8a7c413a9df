import { setTimeout as wait } from "node:timers/promises";
import { text } from "@sveltejs/kit";
import type { RequestHandler } from "./$types";

/** A request that takes its time, to be overtaken by a sign-out. */
export const POST: RequestHandler = async ({ locals: { session }, request }) => {
  session.data.note = String((await request.formData()).get("note") ?? "");
  await wait(400);
  return text("Noted, if you are still here.");
};
