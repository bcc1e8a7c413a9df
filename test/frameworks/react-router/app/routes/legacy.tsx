import { data, redirect, type Session } from "react-router";
import { commitSession, type Data, destroySession, type Flash, getSession } from "../sessions.server";
import type { Route } from "./+types/legacy";

function nameOf(session: Session<Data, Flash>): string {
  return session.get("userId") ?? "nobody";
}

/** Code as it is written for `createCookieSessionStorage`. */
export async function loader({ request }: Route.LoaderArgs) {
  const session = await getSession(request.headers.get("Cookie"));
  const error: string | undefined = session.get("error");
  return data(
    { name: nameOf(session), error: error ?? null },
    { headers: { "Set-Cookie": await commitSession(session) } },
  );
}

export async function action({ request }: Route.ActionArgs) {
  const form = await request.formData();
  const session = await getSession(request.headers.get("Cookie"));
  if (form.get("intent") === "leave") {
    return redirect("/app/legacy", { headers: { "Set-Cookie": await destroySession(session) } });
  }
  const name = form.get("name");
  if (typeof name === "string" && name !== "") {
    session.set("userId", name);
    session.login(name);
  } else session.flash("error", "Who are you?");
  // @ts-expect-error a field that the data do not have
  session.has("colour");
  return redirect("/app/legacy", {
    headers: { "Set-Cookie": await commitSession(session, { maxAge: 3600 }) },
  });
}

export default function Legacy({ loaderData }: Route.ComponentProps) {
  return (
    <p id="legacy">
      {loaderData.name} {loaderData.error}
    </p>
  );
}
