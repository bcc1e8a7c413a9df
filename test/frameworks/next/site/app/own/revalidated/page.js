import { sessions } from "../../../lib/sessions.js";

// A page that asks to be kept for an hour, and may not be.
export const revalidate = 3600;

export default async function Page() {
  return <p>{`colour: ${(await sessions().read()).data.colour ?? "none"}`}</p>;
}
