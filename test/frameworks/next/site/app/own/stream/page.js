import { Suspense } from "react";
import { application, sessions } from "../../../lib/sessions.js";

async function Late() {
  await application().late();
  const session = await sessions().read();
  let told = "nothing";
  try {
    session.data.colour = "blue";
  } catch (error) {
    told = error.code;
  }
  return <p>{`late: ${session.data.colour ?? "none"}, ${told}`}</p>;
}

export default async function Page() {
  return (
    <main>
      <Suspense fallback={<p>please wait</p>}>
        <Late />
      </Suspense>
    </main>
  );
}
