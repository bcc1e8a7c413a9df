export default defineEventHandler(async (event) => {
  const { session } = event.context;
  if (session.user === null) return sendRedirect(event, "/sign-in", 303);
  const count = await manager.revokeUser(session.user, { except: session.id });
  session.flash(
    "notice",
    count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
  );
  return sendRedirect(event, "/devices", 303);
});
