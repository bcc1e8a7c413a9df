/** What the tide table begins with. */
export default defineEventHandler((event) => {
  event.context.session.increment("tides");
  return { frame: readFrame(event) };
});
