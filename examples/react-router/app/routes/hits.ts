import { sessions } from "../sessions.server";
import type { Route } from "./+types/hits";

export function loader({ context }: Route.LoaderArgs) {
  return Response.json({ hits: sessions.of(context).data.hits ?? 0 });
}
