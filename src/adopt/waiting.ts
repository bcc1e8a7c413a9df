/** Another request is about to store the session: in a few milliseconds, unless its store is slow. */
const MOST_ATTEMPTS = 24;
const LONGEST_MS = 100;

/** Waits a little longer each time. `false` when that is no use any more. */
export async function waited(attempt: number): Promise<boolean> {
  if (attempt >= MOST_ATTEMPTS) return false;
  const ms = Math.min(LONGEST_MS, 2 ** attempt) * (0.5 + Math.random());
  await new Promise((resolve) => setTimeout(resolve, ms));
  return true;
}
