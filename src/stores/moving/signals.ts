import type { SessionId } from "../../core/record.ts";
import type { AnyStore, Call } from "../../core/store.ts";

/** The ends that both stores tell. What leaves the old one because it has moved has not ended. */
export function heard(from: AnyStore, to: AnyStore): (listener: (id: SessionId) => void) => () => void {
  return (listener) => {
    const stops = [
      from.subscribe?.((id) => void tellUnlessThere(to, id, listener)),
      to.subscribe?.((id) => listener(id)),
    ];
    return () => {
      for (const stop of stops) stop?.();
    };
  };
}

async function tellUnlessThere(
  to: AnyStore,
  id: SessionId,
  listener: (id: SessionId) => void,
): Promise<void> {
  const call: Call = { signal: AbortSignal.timeout(LOOK_MS) };
  // Not known to have ended is not ended: who listens asks from time to time besides.
  try {
    if ((await to.read(id, call)) !== null) return;
  } catch {
    return;
  }
  try {
    listener(id);
  } catch {
    // A listener's own trouble.
  }
}

/** How long a look may take before the signal is not passed on. */
const LOOK_MS = 5000;
