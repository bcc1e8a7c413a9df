import { sessions } from "../../../lib/sessions.js";

/** Changes the session where that cannot be, in the way that the address names. */
export default async function Page({ searchParams }) {
  const session = await sessions().read();
  const { how } = await searchParams;
  if (how === "assign") session.data.colour = "blue";
  if (how === "push") session.data.items.push("anchor");
  if (how === "flash") session.flash("notice");
  if (how === "login") session.login("mallory");
  return <p>written</p>;
}
