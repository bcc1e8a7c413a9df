import { defineHandler } from "nitro";
import { sessions } from "../sessions.ts";

export default defineHandler((event) => ({ inner: sessions.of(event).increment("inner") }));
