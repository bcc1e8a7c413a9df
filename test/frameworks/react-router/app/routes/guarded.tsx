import { data, redirect } from "react-router";
import { sessions } from "../sessions.server";
import type { Route } from "./+types/guarded";

/** As applications do: typed, and with the session in a middleware of their own. */
export const middleware: Route.MiddlewareFunction[] = [
  sessions.middleware,
  async ({ context }, next) => {
    if (sessions.of(context).user === null) throw redirect("/app/page");
    return await next();
  },
];

export function loader({ context }: Route.LoaderArgs) {
  const cart: string[] | undefined = context.get(sessions.context).data.cart;
  return { cart: cart ?? [] };
}

export async function action(args: Route.ActionArgs) {
  const session = sessions.of(args);
  // @ts-expect-error a field that the data do not have
  session.set("colour", "red");
  session.update("cart", (cart = []) => [...cart, "anchor"]);
  return data({ cart: session.get("cart") }, { status: 201 });
}

export default function Guarded({ loaderData }: Route.ComponentProps) {
  return <p>{loaderData.cart.length}</p>;
}
