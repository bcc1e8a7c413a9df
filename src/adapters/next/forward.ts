import { cookies } from "next/headers.js";
import { NextResponse } from "next/server.js";
import { cookieLineAfter } from "./cookie-lines.ts";

/** How a proxy's response tells Next what the rest of the request is to see: the names of all its headers, and each. */
const NAMES = "x-middleware-override-headers";
const VALUE = "x-middleware-request-";

/**
 * Has the rest of the request see the session as the client will from now on, and keeps its cookie on the answer
 * whatever cookies the application set in the proxy. From there on Next itself puts it before those that a page's action sets.
 */
export async function forwarded(request: Request, response: Response, setCookie: string): Promise<Response> {
  const headers = new Headers(response.headers);
  if (headers.has("x-middleware-next") || headers.has("x-middleware-rewrite"))
    override(headers, request.headers, setCookie);
  // Where the proxy used `cookies()`, Next replaces the lines of its response by what is in there.
  await putIntoJar(response.headers);
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}

function override(headers: Headers, requestHeaders: Headers, setCookie: string): void {
  const given = headers.get(NAMES);
  const names = given === null ? [...requestHeaders.keys()] : given.split(",").map((name) => name.trim());
  if (given === null) for (const [name, value] of requestHeaders) headers.set(VALUE + name, value);
  const line = cookieLineAfter(headers.get(`${VALUE}cookie`), setCookie);
  const others = names.filter((name) => name !== "" && name !== "cookie");
  headers.delete(`${VALUE}cookie`);
  if (line !== null) headers.set(`${VALUE}cookie`, line);
  headers.set(NAMES, (line === null ? others : [...others, "cookie"]).join(","));
}

async function putIntoJar(headers: Headers): Promise<void> {
  const jar = await cookies();
  for (const cookie of new NextResponse(null, { headers }).cookies.getAll()) jar.set(cookie);
}
