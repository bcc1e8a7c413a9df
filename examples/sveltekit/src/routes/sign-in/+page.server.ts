import { redirect } from "@sveltejs/kit";
import type { Actions } from "./$types";

export const actions: Actions = {
  async default({ locals: { session }, request }) {
    const name = String((await request.formData()).get("name") ?? "")
      .trim()
      .slice(0, 40);
    if (name === "") redirect(303, "/sign-in");
    session.login(name, { methods: ["demo"] });
    session.flash(
      "notice",
      `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
    );
    redirect(303, "/");
  },
};
