import { act } from "../../../lib/actions.js";

/** Calls an action as the function it also is, while the page renders. */
export default async function Page() {
  const form = new FormData();
  form.append("do", "set blue");
  let told = "nothing";
  try {
    await act(form);
  } catch (error) {
    told = error.code;
  }
  return <p>{`told: ${told}`}</p>;
}
