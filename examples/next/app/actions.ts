"use server";

import { parseSessionId } from "holdfast";
import { notFound, redirect } from "next/navigation";
import { goods } from "../../shop/goods.ts";
import { without } from "../../shop/rules.ts";
import { manager, sessions } from "../lib/sessions.ts";

export const addToCart = sessions.action(async (session, form: FormData) => {
  const good = goods.find(({ id }) => id === form.get("good"));
  if (good === undefined) notFound();
  // Exact, also when two tabs add at the same moment.
  session.update("cart", (cart = {}) => ({ ...cart, [good.id]: (cart[good.id] ?? 0) + 1 }));
  session.flash("notice", `${good.name} is in your cart.`);
  redirect("/");
});

export const removeFromCart = sessions.action(async (session, form: FormData) => {
  session.update("cart", (cart = {}) => without(cart, text(form, "good")));
  redirect("/");
});

export const signIn = sessions.action(async (session, form: FormData) => {
  const name = text(form, "name").trim().slice(0, 40);
  if (name === "") redirect("/sign-in");
  session.login(name, { methods: ["demo"] });
  session.flash(
    "notice",
    `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
  );
  redirect("/");
});

export const signOut = sessions.action(async (session) => {
  session.logout();
  redirect("/");
});

export const endDevice = sessions.action(async (session, form: FormData) => {
  const id = parseSessionId(text(form, "id"));
  if (session.user === null || id === null) redirect("/devices");
  const ended = await manager.revoke(id, { user: session.user });
  session.flash("notice", ended ? "That device is signed out." : "That device was signed out already.");
  redirect("/devices");
});

export const endOtherDevices = sessions.action(async (session) => {
  if (session.user === null) redirect("/sign-in");
  const count = await manager.revokeUser(session.user, { except: session.id });
  session.flash(
    "notice",
    count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
  );
  redirect("/devices");
});

function text(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}
