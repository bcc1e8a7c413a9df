"use server";

import { revalidatePath } from "next/cache";
import { cookies } from "next/headers";
import { forbidden, notFound, redirect } from "next/navigation";
import { application, sessions } from "./sessions.js";

/** A form says what to do: each line of `do` is a verb and its argument. */
export async function act(form) {
  return await sessions().action(work)(form);
}

/** The same with what `useActionState` gives before the form. */
export async function actWithState(_state, form) {
  return await sessions().action((session, _previous, given) => work(session, given))(_state, form);
}

/** Two actions after each other, and one within the other, in a function that is no action of the sessions'. */
export async function twice(form) {
  const wrapped = sessions().action(work);
  await Promise.all([wrapped(form), wrapped(form)]);
  await sessions().action(async (session) => {
    await sessions().action((inner) => inner.set("same", inner === session))();
    session.set("read", (await sessions().read()) === session);
  })();
  redirect("/own/read");
}

/** Looks at the session before it changes it. */
export async function readFirst(form) {
  if ((await sessions().read()).isNew) return;
  await sessions().action(work)(form);
}

/** An action that is none of the sessions'. */
export async function unwrapped() {
  const session = await sessions().read();
  session.set("colour", "blue");
}

async function work(session, form) {
  for (const line of form.getAll("do")) {
    const [verb, argument] = String(line).split(" ");
    await VERBS[verb](session, argument);
  }
  return "done";
}

const VERBS = {
  set: (session, colour) => void session.set("colour", colour),
  count: (session) => void session.increment("count"),
  login: (session, user) => session.login(user),
  logout: (session) => session.logout(),
  theme: async (_session, theme) => void (await cookies()).set("theme", theme),
  wait: () => application().wait(),
  redirect: (_session, path) => redirect(path),
  missing: () => notFound(),
  forbidden: () => forbidden(),
  fail: () => {
    throw new Error("unexpected");
  },
  refuse: () => {
    throw Object.assign(new Error("no"), { status: 400 });
  },
  revalidate: (_session, path) => revalidatePath(path),
};
