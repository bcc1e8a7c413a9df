import { setTimeout as wait } from "node:timers/promises";

/** A request that takes its time, to be overtaken by a sign-out. */
export default defineEventHandler(async (event) => {
  event.context.session.data.note = await readField(event, "note");
  await wait(400);
  return "Noted, if you are still here.";
});
