"use client";

import { useEffect } from "react";

/** The counter works by the script that all shops share, which looks for its button when it is loaded. */
export function Counter({ hits }: { hits: number }) {
  useEffect(() => {
    const script = document.createElement("script");
    script.type = "module";
    // A module runs once for each address, and this page may be come back to without being loaded anew.
    script.src = `/counter.js?${crypto.randomUUID()}`;
    document.head.append(script);
    return () => script.remove();
  }, []);
  return (
    <section className="box counter">
      <h2>Counter</h2>
      <output id="hits">{hits}</output>
      <p>
        One number in your session. Press in two tabs at once: each press sends 25 requests that overlap, and
        none is lost.
      </p>
      <button id="hit" disabled>
        Hit 25 times
      </button>
      <p className="quiet" id="said"></p>
    </section>
  );
}
