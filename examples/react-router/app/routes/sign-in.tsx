import { Form, redirect } from "react-router";
import { sessions } from "../sessions.server";
import type { Route } from "./+types/sign-in";

export const meta: Route.MetaFunction = () => [{ title: "Sign in" }];

export async function action({ request, context }: Route.ActionArgs) {
  const given = (await request.formData()).get("name");
  const name = (typeof given === "string" ? given : "").trim().slice(0, 40);
  if (name === "") return redirect("/sign-in", 303);
  const session = sessions.of(context);
  session.login(name, { methods: ["demo"] });
  session.flash(
    "notice",
    `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
  );
  return redirect("/", 303);
}

export default function SignIn() {
  return (
    <section className="narrow box">
      <h2>Sign in</h2>
      <p>
        This is a demonstration: any name will do, and nobody asks for a password. Sign in with the same name
        from another browser to see both under <em>Your devices</em>.
      </p>
      <Form method="post">
        <label>
          Name <input name="name" autoComplete="username" maxLength={40} required autoFocus />
        </label>
        <button className="main">Sign in</button>
      </Form>
    </section>
  );
}
