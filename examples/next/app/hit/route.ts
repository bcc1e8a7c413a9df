import { sessions } from "../../lib/sessions.ts";

export const POST = sessions.route((_request, session) => Response.json({ hits: session.increment("hits") }));
