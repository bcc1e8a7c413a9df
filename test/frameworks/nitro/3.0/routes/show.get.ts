import { defineHandler } from "nitro";
import { sessions } from "../sessions.ts";

export default defineHandler((event) => {
  const session = sessions.of(event);
  return { id: session.id, user: session.user, ...session.data };
});
