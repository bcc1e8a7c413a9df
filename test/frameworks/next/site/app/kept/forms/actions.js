"use server";

import { currentSession } from "holdfast";
import { sessions } from "../../../lib/kept.js";

export const act = sessions.action(async (session, form) => {
  session.set("colour", form.get("do"));
  session.set("current", currentSession() === session);
});
