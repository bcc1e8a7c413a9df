export default defineEventHandler((event) => {
  sessions.of(event).data.colour = "teal";
  return "set";
});
