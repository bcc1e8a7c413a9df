export default defineEventHandler((event) => {
  const session = sessions.of(event);
  return { id: session.id, user: session.user, ...session.data };
});
