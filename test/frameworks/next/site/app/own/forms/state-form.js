"use client";

import { useActionState } from "react";
import { actWithState } from "../../../lib/actions.js";

export function StateForm() {
  const [state, action] = useActionState(actWithState, "not yet");
  return (
    <form id="state" action={action}>
      <output>{`state: ${state}`}</output>
      <button>With state</button>
    </form>
  );
}
