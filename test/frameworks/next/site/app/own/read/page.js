import { sessions } from "../../../lib/sessions.js";

async function Part() {
  const session = await sessions().read();
  return <p>{`colour: ${session.data.colour ?? "none"}`}</p>;
}

export default async function Page() {
  const [one, other] = await Promise.all([sessions().read(), sessions().read()]);
  return (
    <main>
      <p>{`same: ${one === other}`}</p>
      <Part />
      <Part />
    </main>
  );
}
