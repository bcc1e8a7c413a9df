import { defineCachedHandler } from "nitro/cache";
import { sessions } from "../sessions.ts";

export default defineCachedHandler((event) => ({ colour: sessions.of(event as never).data.colour ?? null }), {
  maxAge: 60,
});
