import { randomBytes } from "node:crypto";
import type { AnyStore, SessionId } from "holdfast";
import { partsOf } from "../handlers/handlers.ts";

const AT_ONCE = 64;
const DAY = 86_400_000;

/** Creates sessions by the store's own `create`, as many as are wanted, beside those that are there. */
export async function fillStore(store: AnyStore, sessions: number): Promise<void> {
  const now = Date.now();
  const call = { signal: new AbortController().signal };
  await store.setup?.(call);
  let left = sessions;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await store.create(
        {
          id: randomBytes(18).toString("base64url") as SessionId,
          epoch: 1,
          version: 1,
          secretHash: randomBytes(32).toString("base64url"),
          labels: [],
          createdAt: now,
          accessedAt: now,
          expiresAt: now + DAY,
          endsAt: now + 30 * DAY,
          // A text of its own each, as each session has.
          fields: { part0: JSON.stringify(partsOf(200, 1)["part0"]), seen: "0" },
        },
        call,
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}
