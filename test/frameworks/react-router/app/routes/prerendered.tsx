import { sessions } from "../sessions.server";
import type { Route } from "./+types/prerendered";

export const middleware: Route.MiddlewareFunction[] = [sessions.middleware];

export function loader({ context }: Route.LoaderArgs) {
  const session = context.get(sessions.context);
  if (process.env["CHANGES_WHILE_PRERENDERING"] === "yes") session.data.cart = ["anchor"];
  return { user: session.user };
}

export default function Prerendered({ loaderData }: Route.ComponentProps) {
  return <p id="prerendered">{loaderData.user ?? "nobody"}</p>;
}
