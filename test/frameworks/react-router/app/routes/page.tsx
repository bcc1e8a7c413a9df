import { Form, useActionData, useLoaderData } from "react-router";
import { handle } from "../shared";

export const loader = (args: Parameters<typeof handle>[1]) => handle("page loader", args);
export const action = (args: Parameters<typeof handle>[1]) => handle("page action", args);

export default function Page() {
  const data = useLoaderData() as { render?: string } | null;
  if (data?.render === "throws") throw new Error("a component threw");
  return (
    <>
      <p id="page">{JSON.stringify(data)}</p>
      <p id="action">{JSON.stringify(useActionData() ?? null)}</p>
      <Form method="post">
        <input name="name" defaultValue="ada" />
        <button>Sign in</button>
      </Form>
    </>
  );
}
