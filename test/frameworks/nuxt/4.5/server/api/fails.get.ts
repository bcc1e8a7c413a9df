export default defineEventHandler((event) => {
  sessions.of(event).data.colour = "blue";
  const { status } = getQuery(event);
  if (status === undefined) throw new Error("unexpected");
  throw createError({ statusCode: Number(status), message: "expected" });
});
