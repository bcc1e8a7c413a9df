export default defineEventHandler(async (event) => {
  const name = (await readField(event, "name")).trim().slice(0, 40);
  if (name === "") return sendRedirect(event, "/sign-in", 303);
  const { session } = event.context;
  session.login(name, { methods: ["demo"] });
  session.flash(
    "notice",
    `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
  );
  return sendRedirect(event, "/", 303);
});
