import { redirect } from "react-router";
import { sessions } from "../sessions.server";
import type { Route } from "./+types/sign-out";

export function action({ context }: Route.ActionArgs) {
  sessions.of(context).logout();
  return redirect("/", 303);
}
