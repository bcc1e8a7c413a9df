import { type NextFetchEvent, type NextRequest, NextResponse } from "next/server";
import { isForeign } from "../shop/rules.ts";
import { withNotices } from "./lib/notices.ts";
import { sessions } from "./lib/sessions.ts";

/** Does for a page what the page cannot do for itself: it changes the session before anything is sent. */
const beforePage = sessions.proxy((request, session) => {
  if (request.nextUrl.pathname === "/tide") session.increment("tides");
  const headers = withNotices(request.headers, session.flash("notice"));
  return NextResponse.next({ request: { headers } });
});

export default function proxy(request: NextRequest, event: NextFetchEvent): Response | Promise<Response> {
  if (isForeign(request.method, request.headers.get("sec-fetch-site") ?? undefined))
    return new Response("This form belongs to another site.", { status: 403 });
  if (request.method === "GET") return beforePage(request, event);
  return NextResponse.next({ request: { headers: withNotices(request.headers, []) } });
}

export const config = {
  matcher: [
    {
      source: "/((?!_next/|hits$|style\\.css$|counter\\.js$).*)",
      // A page that is fetched before anybody wants to see it must not use the notices up. Not all of these headers
      // reach the proxy's own code: only here can they be told.
      missing: [
        { type: "header", key: "next-router-prefetch" },
        { type: "header", key: "purpose", value: "prefetch" },
        { type: "header", key: "sec-purpose" },
      ],
    },
  ],
};
