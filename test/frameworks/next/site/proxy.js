import { cookies } from "next/headers";
import { redirect } from "next/navigation";
import { NextResponse } from "next/server";
import { sessions as kept } from "./lib/kept.js";
import { application, sessions } from "./lib/sessions.js";

const VERBS = {
  set: (session, colour) => void session.set("colour", colour),
  count: (session) => void session.increment("count"),
  login: (session, user) => session.login(user),
  logout: (session) => session.logout(),
  theme: async (_session, theme) => void (await cookies()).set("theme", theme),
  wait: () => application().wait(),
  fail: () => {
    throw new Error("unexpected");
  },
  redirect: (_session, path) => redirect(path),
};

function answer(request, how) {
  const target = (path) => new URL(path, request.url);
  if (how === "redirect") return NextResponse.redirect(target("/own/read"));
  if (how === "rewrite") return NextResponse.rewrite(target("/own/read"));
  if (how === "answer") return new Response("answered by the proxy");
  if (how === "header") {
    const headers = new Headers(request.headers);
    headers.set("x-seen", "yes");
    return NextResponse.next({ request: { headers } });
  }
  if (how === "cookie") {
    const response = NextResponse.next();
    response.cookies.set("size", "large", { httpOnly: true });
    return response;
  }
  return undefined;
}

/** Does what the header `x-do` says; the rest of the address and the body are the page's. */
export default async function proxy(request, event) {
  if (request.nextUrl.pathname.startsWith("/kept")) return await noteWhere(request, event);
  const handle = sessions().proxy(async (request, session) => {
    for (const line of (request.headers.get("x-do") ?? "").split(",").filter(Boolean)) {
      const [verb, argument] = line.split(" ");
      await VERBS[verb](session, argument);
    }
    return answer(request, request.headers.get("x-answer"));
  });
  return await handle(request, event);
}

const noteWhere = kept.proxy((request, session) => {
  if (!session.isNew) session.set("last", request.nextUrl.pathname);
});

export const config = { matcher: ["/proxied/:path*", "/kept/:path*"] };
