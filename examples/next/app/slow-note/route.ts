import { setTimeout as wait } from "node:timers/promises";
import { sessions } from "../../lib/sessions.ts";

/** A request that takes its time, to be overtaken by a sign-out. */
export const POST = sessions.route(async (request, session) => {
  session.data.note = String((await request.formData()).get("note") ?? "");
  await wait(400);
  return new Response("Noted, if you are still here.");
});
