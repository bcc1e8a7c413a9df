import type { APIRoute } from "astro";
import { run } from "../site";

export const prerender = false;
export const ALL: APIRoute = (context) => run("endpoint", context);
