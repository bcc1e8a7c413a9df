import { setTimeout as wait } from "node:timers/promises";
import type { APIRoute } from "astro";

/** A request that takes its time, to be overtaken by a sign-out. */
export const POST: APIRoute = async ({ locals: { session }, request }) => {
  session.data.note = String((await request.formData()).get("note") ?? "");
  await wait(400);
  return new Response("Noted, if you are still here.");
};
