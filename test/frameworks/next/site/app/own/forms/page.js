import { act, readFirst, twice, unwrapped } from "../../../lib/actions.js";
import { sessions } from "../../../lib/sessions.js";
import { StateForm } from "./state-form.js";

export default async function Page() {
  const session = await sessions().read();
  const { colour, count, same, read } = session.data;
  return (
    <main>
      <p>{`colour: ${colour ?? "none"}, count: ${count ?? 0}, user: ${session.user ?? "nobody"}, ${same} ${read}`}</p>
      <form id="act" action={act}>
        <button>Act</button>
      </form>
      <form id="twice" action={twice}>
        <button>Twice</button>
      </form>
      <form id="late" action={readFirst}>
        <button>Late</button>
      </form>
      <form id="unwrapped" action={unwrapped}>
        <button>Unwrapped</button>
      </form>
      <StateForm />
    </main>
  );
}
