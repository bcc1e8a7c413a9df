import { currentSession } from "holdfast";
import { sessions } from "../../../lib/kept.js";

export const GET = sessions.route((request, session) => {
  const colour = request.nextUrl.searchParams.get("set");
  if (colour !== null) session.set("colour", colour);
  const current = currentSession() === session;
  return Response.json({ ...session.data, current, made: globalThis.holdfastTestMade });
});
