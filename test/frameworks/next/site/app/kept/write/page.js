import { sessions } from "../../../lib/kept.js";

export default async function Page() {
  const session = await sessions.read();
  session.data.colour = "blue";
  return <p>written</p>;
}
