import { cookies } from "next/headers";
import { forbidden, notFound, redirect } from "next/navigation";
import { currentSession } from "holdfast";
import { sessions } from "../../../lib/sessions.js";

const VERBS = {
  set: (session, colour) => void session.set("colour", colour),
  login: (session, user) => session.login(user),
  theme: async (_session, theme) => void (await cookies()).set("theme", theme),
  read: async (session) => void session.set("same", (await sessions().read()) === session),
  current: (session) => void session.set("current", currentSession() === session),
  redirect: (_session, path) => redirect(path),
  missing: () => notFound(),
  forbidden: () => forbidden(),
};

export async function GET(request) {
  return await sessions().route(async (request, session) => {
    for (const line of request.nextUrl.searchParams.getAll("do")) {
      const [verb, argument] = line.split(" ");
      await VERBS[verb](session, argument);
    }
    return Response.json({ user: session.user, ...session.data });
  })(request);
}
