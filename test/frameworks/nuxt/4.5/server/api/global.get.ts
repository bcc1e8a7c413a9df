/** Asks by the global function, which knows of no request. */
export default defineEventHandler(async (event) => {
  const session = sessions.of(event);
  const { id } = await $fetch<{ id: string | null }>("/api/show");
  return { outer: session.id, inner: id };
});
