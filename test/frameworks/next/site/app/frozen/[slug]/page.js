import { sessions } from "../../../lib/sessions.js";

// Made at the first request, for everybody.
export const dynamic = "force-static";

export function generateStaticParams() {
  return [];
}

export default async function Page() {
  let told = "nothing";
  try {
    told = `user ${(await sessions().read()).user}`;
  } catch (error) {
    told = error.code;
  }
  return <p>{`told: ${told}`}</p>;
}
