import type { Metadata } from "next";
import { Suspense } from "react";
import { askHarbourMaster } from "../../../shop/tides.ts";
import { sessions } from "../../lib/sessions.ts";
import { Frame } from "../ui/frame.tsx";

export const metadata: Metadata = { title: "Tide table" };

export default function Page() {
  return (
    <Frame>
      <section className="narrow box">
        <h2>Tide table</h2>
        <Suspense fallback={<p className="quiet">Asking the harbour master …</p>}>
          <Tides />
        </Suspense>
      </section>
    </Frame>
  );
}

/** Comes later in the same response. */
async function Tides() {
  const waters = await askHarbourMaster();
  const { user } = await sessions.read();
  return (
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
  );
}
