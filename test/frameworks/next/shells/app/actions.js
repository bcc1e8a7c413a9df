"use server";

import { sessions } from "../lib/kept.js";

export const paint = sessions.action((session, form) => void session.set("colour", form.get("do")));
