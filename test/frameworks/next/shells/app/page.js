import { Suspense } from "react";
import { sessions } from "../lib/kept.js";
import { paint } from "./actions.js";

export default function Page() {
  return (
    <main>
      <h1>The shell</h1>
      <form id="act" action={paint}>
        <button>Act</button>
      </form>
      <Suspense>
        <Colour />
      </Suspense>
    </main>
  );
}

async function Colour() {
  const { data } = await sessions.read();
  return <p>{`colour: ${data.colour ?? "none"}`}</p>;
}
