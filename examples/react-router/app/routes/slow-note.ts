import { setTimeout as wait } from "node:timers/promises";
import { sessions } from "../sessions.server";
import type { Route } from "./+types/slow-note";

/** A request that takes its time, to be overtaken by a sign-out. */
export async function action({ request, context }: Route.ActionArgs) {
  const session = sessions.of(context);
  session.data.note = String((await request.formData()).get("note") ?? "");
  await wait(400);
  return new Response("Noted, if you are still here.");
}
