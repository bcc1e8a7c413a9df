import { sessions } from "../../../lib/kept.js";
import { act } from "./actions.js";

export default async function Page() {
  const { data } = await sessions.read();
  return (
    <main>
      <p>{`colour: ${data.colour ?? "none"}, current: ${data.current}, made: ${globalThis.holdfastTestMade}`}</p>
      <form id="act" action={act}>
        <button>Act</button>
      </form>
    </main>
  );
}
