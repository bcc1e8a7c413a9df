import { sessions } from "../../lib/sessions.ts";

export const GET = sessions.route((_request, session) => Response.json({ hits: session.data.hits ?? 0 }));
