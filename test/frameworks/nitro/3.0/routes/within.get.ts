import { defineHandler } from "nitro";
import { fetchWithEvent } from "nitro/h3";
import { sessions } from "../sessions.ts";

export default defineHandler(async (event) => {
  const response = await fetchWithEvent(event, "/inner");
  return { cookies: response.headers.getSetCookie().length, inner: sessions.of(event).data.inner ?? null };
});
