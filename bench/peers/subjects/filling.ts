import { randomBytes } from "node:crypto";
import type { AnyStore, SessionId } from "holdfast";
import { type Engines, postgresPool } from "../stores/clients.ts";
import { partsOf } from "../handlers/handlers.ts";

const AT_ONCE = 64;
const DAY = 86_400_000;

/**
 * PostgreSQL: one session by the store's own `create`, and the engine makes the others of it. A million calls would take longer than all
 * that is measured.
 */
export async function multiplyRows(store: AnyStore, engines: Engines, sessions: number): Promise<void> {
  await fillStore(store, 1);
  const pool = await postgresPool(engines);
  await pool.query(
    `INSERT INTO holdfast_sessions SELECT (made).* FROM (
      SELECT jsonb_populate_record(one, jsonb_build_object('id', left(md5(number || random()::text), 24))) AS made
      FROM (SELECT one FROM holdfast_sessions one LIMIT 1) AS first, generate_series(2, $1::int) AS number OFFSET 0
    ) AS all_of_them`,
    [sessions],
  );
  await pool.query("VACUUM ANALYZE holdfast_sessions");
  await pool.end();
}

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
