import { useEffect, useState } from "react";

/** Sends 25 requests that overlap, then asks the server what it counted. */
export function Counter({ hits }: { readonly hits: number }) {
  const [shown, show] = useState(hits);
  const [said, say] = useState("");
  // Until React takes over what the server sent, the button would do nothing.
  const [busy, setBusy] = useState(true);
  useEffect(() => setBusy(false), []);

  async function hit(): Promise<void> {
    setBusy(true);
    // The first visit has no cookie yet: one request gets it, so that the others are of one session.
    if (shown === 0) await fetch("/hit", { method: "POST" });
    const requests = Array.from({ length: shown === 0 ? 24 : 25 }, () => fetch("/hit", { method: "POST" }));
    const refused = (await Promise.all(requests)).filter((answer) => !answer.ok).length;
    const answer = (await (await fetch("/hits")).json()) as { readonly hits: number };
    say(refused === 0 ? "All 25 were counted." : `${refused} were refused, and none of those was counted.`);
    show(answer.hits);
    setBusy(false);
  }

  return (
    <section className="box counter">
      <h2>Counter</h2>
      <output id="hits">{shown}</output>
      <p>
        One number in your session. Press in two tabs at once: each press sends 25 requests that overlap, and
        none is lost.
      </p>
      <button id="hit" disabled={busy} onClick={() => void hit()}>
        Hit 25 times
      </button>
      <p className="quiet" id="said">
        {said}
      </p>
    </section>
  );
}
