import { defineHandler } from "nitro";
import { sessions } from "../sessions.ts";

export default defineHandler((event) => ({ colour: sessions.of(event).data.colour ?? null }));
