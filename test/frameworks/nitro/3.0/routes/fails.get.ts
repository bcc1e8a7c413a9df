import { defineHandler, HTTPError } from "nitro";
import { sessions } from "../sessions.ts";

export default defineHandler((event) => {
  const session = sessions.of(event);
  session.data.colour = "blue";
  session.login("skipper");
  const status = event.url.searchParams.get("status");
  if (status === null) throw new Error("unexpected");
  throw new HTTPError({ status: Number(status), message: "expected" });
});
