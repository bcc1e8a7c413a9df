import type { APIRoute } from "astro";

export const POST: APIRoute = ({ locals: { session } }) => Response.json({ hits: session.increment("hits") });
