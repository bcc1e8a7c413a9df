import { Suspense } from "react";
import { Await } from "react-router";
import { askHarbourMaster } from "../../../shop/tides.ts";
import { sessions } from "../sessions.server";
import type { Route } from "./+types/tide";

export const meta: Route.MetaFunction = () => [{ title: "Tide table" }];

/** What changes the session comes before the answer begins. What is promised may come later, and reads it as it is then. */
export function loader({ context }: Route.LoaderArgs) {
  const session = sessions.of(context);
  session.increment("tides");
  return { table: askHarbourMaster().then((waters) => ({ waters, user: session.user })) };
}

export default function Tide({ loaderData: { table } }: Route.ComponentProps) {
  return (
    <section className="narrow box">
      <h2>Tide table</h2>
      <Suspense fallback={<p className="quiet">Asking the harbour master …</p>}>
        <Await resolve={table}>
          {({ waters, user }) => (
            <>
              <ol className="tide">
                {waters.map((water) => (
                  <li key={water}>{water}</li>
                ))}
              </ol>
              <p>
                Written for <strong>{user ?? "a visitor"}</strong>.
              </p>
            </>
          )}
        </Await>
      </Suspense>
    </section>
  );
}
