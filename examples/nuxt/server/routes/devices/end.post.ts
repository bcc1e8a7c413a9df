import { parseSessionId } from "holdfast";

export default defineEventHandler(async (event) => {
  const { session } = event.context;
  const id = parseSessionId(await readField(event, "id"));
  if (session.user === null || id === null) return sendRedirect(event, "/devices", 303);
  const ended = await manager.revoke(id, { user: session.user });
  session.flash("notice", ended ? "That device is signed out." : "That device was signed out already.");
  return sendRedirect(event, "/devices", 303);
});
