import { Link } from "react-router";
import type { Frame } from "../../../shop/pages.ts";

export function Facts({ frame }: { readonly frame: Frame }) {
  return (
    <>
      {frame.id === null ? (
        <p>
          <strong>Behind the counter:</strong> no session is stored and no cookie is set. Put something into
          the cart.
        </p>
      ) : (
        <p>
          <strong>Behind the counter:</strong> session <code>{frame.id}</code>, {Math.round(frame.age / 1000)}{" "}
          s old. Your cookie’s fingerprint is <code>{frame.cookie ?? "new"}</code>: it changes when you sign
          in. Stop the server, start it again, and all is still here.
        </p>
      )}
      <p>
        <Link to="/tide">Tide table</Link>
      </p>
    </>
  );
}
