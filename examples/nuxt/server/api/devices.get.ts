/** Everywhere the user is signed in, this browser first; nothing for a visitor, who has yet to sign in. */
export default defineEventHandler(async (event) => {
  const { user, id } = event.context.session;
  if (user === null) return { devices: null };
  const devices = await manager.sessionsOf(user);
  devices.sort((one, other) => Number(other.id === id) - Number(one.id === id));
  return { frame: readFrame(event), devices };
});
