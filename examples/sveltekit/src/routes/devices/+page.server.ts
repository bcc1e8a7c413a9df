import { redirect } from "@sveltejs/kit";
import { parseSessionId } from "holdfast";
import { manager } from "#lib/server/sessions.ts";
import type { Actions, PageServerLoad } from "./$types";

export const load: PageServerLoad = async ({ locals: { session } }) => {
  const { user, id } = session;
  if (user === null) redirect(303, "/sign-in");
  const devices = await manager.sessionsOf(user);
  return {
    user,
    id,
    devices: devices.toSorted((one, other) => Number(other.id === id) - Number(one.id === id)),
  };
};

export const actions: Actions = {
  async end({ locals: { session }, request }) {
    const id = parseSessionId(String((await request.formData()).get("id")));
    if (session.user === null || id === null) redirect(303, "/devices");
    const ended = await manager.revoke(id, { user: session.user });
    session.flash("notice", ended ? "That device is signed out." : "That device was signed out already.");
    redirect(303, "/devices");
  },

  async endOthers({ locals: { session } }) {
    if (session.user === null) redirect(303, "/sign-in");
    const count = await manager.revokeUser(session.user, { except: session.id });
    session.flash(
      "notice",
      count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
    );
    redirect(303, "/devices");
  },
};
