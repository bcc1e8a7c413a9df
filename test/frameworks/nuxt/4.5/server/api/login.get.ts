export default defineEventHandler((event) => {
  sessions.of(event).login("skipper");
  return "in";
});
