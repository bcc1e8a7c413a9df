import { sessions } from "../sessions.server";
import type { Route } from "./+types/hit";

export function action({ context }: Route.ActionArgs) {
  return Response.json({ hits: sessions.of(context).increment("hits") });
}
