import type { SessionId, SessionRecord } from "../../src/index.ts";
import { openStore } from "../../src/open-store.ts";

/** The moment at which the examples of the page on the command line are run. */
export const NOW: number = Date.parse("2026-03-01T12:00:00Z");

const MINUTE = 60_000;
const DAY = 86_400_000;
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";

interface Example {
  readonly id: string;
  readonly user?: string;
  readonly address: string;
  readonly userAgent: string;
  readonly createdBefore: number;
  readonly usedBefore: number;
  readonly cart: readonly string[];
}

const EXAMPLES: readonly Example[] = [
  {
    id: "6vNn0GmJzQbS3DkpXwYtR1aL",
    user: "42",
    address: "192.0.2.7",
    userAgent: FIREFOX,
    createdBefore: 3 * DAY,
    usedBefore: 2 * MINUTE,
    cart: ["rope", "tent"],
  },
  {
    id: "Kd93hGz0qWmB5tYxLr7cVfN2",
    user: "42",
    address: "198.51.100.20",
    userAgent: "Shop/3.1 (iPhone)",
    createdBefore: 12 * DAY,
    usedBefore: 300 * MINUTE,
    cart: [],
  },
  {
    id: "Zt2bQy8nHs4kJw6eRu1mXo5p",
    user: "7",
    address: "203.0.113.9",
    userAgent: FIREFOX,
    createdBefore: 40 * MINUTE,
    usedBefore: MINUTE,
    cart: ["stove"],
  },
  {
    id: "pR5sTu8vWx1yZa4bCd7eFg0h",
    address: "203.0.113.77",
    userAgent: "curl/8.5.0",
    createdBefore: 5 * MINUTE,
    usedBefore: 5 * MINUTE,
    cart: ["rope"],
  },
  {
    id: "Xe0dGone1sWept2Me3Away4q",
    address: "203.0.113.80",
    userAgent: "curl/8.5.0",
    createdBefore: 3 * DAY,
    usedBefore: 2 * DAY,
    cart: ["lamp"],
  },
];

/** Puts the sessions of the examples into the store at a URL. */
export async function fill(url: string, now: number): Promise<void> {
  const store = await openStore(url);
  const call = { signal: new AbortController().signal };
  await store.setup?.(call);
  for (const example of EXAMPLES) await store.create(recordOf(example, now), call);
  await store.close();
}

function recordOf(example: Example, now: number): SessionRecord {
  const { id, user, address, userAgent, cart } = example;
  const createdAt = now - example.createdBefore;
  const accessedAt = now - example.usedBefore;
  return {
    id: id as SessionId,
    epoch: 1,
    version: 1,
    secretHash: "x".repeat(43),
    labels: user === undefined ? [] : [`user:${user}`],
    createdAt,
    accessedAt,
    expiresAt: accessedAt + DAY,
    endsAt: createdAt + 30 * DAY,
    fields: {
      cart: JSON.stringify(cart),
      "~device": JSON.stringify({ address, userAgent }),
      ...(user !== undefined && { "~auth": JSON.stringify({ user, at: createdAt, methods: ["pwd"] }) }),
    },
  };
}
