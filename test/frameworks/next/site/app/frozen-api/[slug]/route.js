import { sessions } from "../../../lib/sessions.js";

export const dynamic = "force-static";

export function generateStaticParams() {
  return [];
}

export async function GET(request) {
  try {
    return await sessions().route((_request, session) => {
      session.set("colour", "blue");
      return new Response("made for everybody");
    })(request);
  } catch (error) {
    return new Response(`told: ${error.code}`);
  }
}
