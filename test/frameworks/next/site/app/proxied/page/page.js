import { cookies, headers } from "next/headers";
import { act } from "../../../lib/actions.js";
import { sessions } from "../../../lib/sessions.js";

export default async function Page() {
  const session = await sessions().read();
  const names = (await cookies()).getAll().map(({ name }) => name);
  const list = await headers();
  const same = (list.get("cookie") ?? "").split("; ").filter((pair) => pair.startsWith("__Host-Http-sid="));
  return (
    <main>
      <p>{`colour: ${session.data.colour ?? "none"}, user: ${session.user ?? "nobody"}, new: ${session.isNew}`}</p>
      <p>{`cookies: ${names.sort().join(" ")}; lines: ${same.length}; seen: ${list.get("x-seen")}`}</p>
      <form id="act" action={act}>
        <button>Act</button>
      </form>
    </main>
  );
}
