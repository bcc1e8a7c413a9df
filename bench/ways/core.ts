import { createHash } from "node:crypto";
import { BoundedCall } from "../../src/core/call.ts";
import { jsonCodec } from "../../src/core/codec.ts";
import { Draft } from "../../src/core/draft.ts";
import { encodeField } from "../../src/core/fields.ts";
import { sha256 } from "../../src/core/platform.ts";
import { SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { AnyStore } from "../../src/core/store.ts";
import { cookieAfter, testExchange } from "../../test/support/exchange.ts";
import { LARGE, SMALL } from "./records.ts";
import { repeated, type Way } from "./way.ts";

const TIMES = 1000;
const SECRET = "s".repeat(32);
const RULES = { codec: jsonCodec, schemas: {}, onInvalid: () => undefined };

/** What the core does on the way of every request. */
export const CORE_WAYS: readonly Way[] = [
  {
    name: "hash in one call",
    deed: "the SHA-256 of a secret, as base64url",
    with: "`crypto.hash`",
    without: "a hash object: `createHash`, `update`, `digest`",
    open: async () => ({
      with: () => repeated(TIMES, () => sha256(SECRET)),
      without: () => repeated(TIMES, () => createHash("sha256").update(SECRET).digest("base64url")),
    }),
  },
  {
    name: "lazy decoding",
    deed: "one field of a session of 100 fields, 100 kB, is read",
    with: "the text of that field is decoded",
    without: "all texts are, as where a session is one JSON text",
    open: async () => ({
      with: () => repeated(TIMES, () => new Draft(LARGE, RULES).get("field7")),
      without: () =>
        repeated(TIMES / 50, () => {
          const draft = new Draft(LARGE, RULES);
          for (const name in LARGE) draft.get(name);
        }),
    }),
  },
  {
    name: "no JSON for unread fields",
    deed: "is a session of 100 kB changed, of which one field was read?",
    with: "what was read is compared with its text",
    without: "the whole session is made a text again and compared",
    open: async () => {
      const draft = new Draft(LARGE, RULES);
      draft.get("field7");
      const whole = Object.fromEntries(
        Object.entries(LARGE).map(([name, text]) => [name, JSON.parse(text) as unknown]),
      );
      const before = JSON.stringify(whole);
      return {
        with: () => repeated(TIMES, () => draft.stage()),
        without: () => repeated(TIMES / 50, () => JSON.stringify(whole) === before),
      };
    },
  },
  {
    name: "a look before an encoding",
    deed: "was an object changed that a handler read?",
    with: "its JSON is compared with the stored text first",
    without: "it is encoded as what is assigned is, every part looked at for what JSON would lose",
    open: async () => {
      const text = SMALL["cart"] ?? "";
      const value = jsonCodec.decode(text);
      return {
        with: () => repeated(TIMES, () => jsonCodec.says?.(text, value)),
        without: () => repeated(TIMES, () => encodeField(jsonCodec, "cart", value) === text),
      };
    },
  },
  {
    name: "a signal for who waits alone",
    deed: "a store call is begun and answered at once",
    with: "the call makes its AbortSignal when a store asks for it",
    without: "each call has one",
    open: async () => ({
      with: () => repeated(TIMES, () => new BoundedCall().reason),
      without: () => repeated(TIMES, () => new BoundedCall().signal.aborted),
    }),
  },
  {
    name: "nothing asynchronous for nothing",
    deed: "a request without a cookie comes and goes",
    with: "the hooks answer at once where nothing waits",
    without: "each hook is awaited",
    open: async () => {
      const manager = new SessionManager({ store: memoryStore(), sweepEvery: false });
      return {
        with: () =>
          repeated(TIMES, () => {
            const request = testExchange();
            void manager.startRequest(request);
            void manager.finishSuccessfulRequest(request);
          }),
        without: async () => {
          for (let done = 0; done < TIMES; done += 1) {
            const request = testExchange();
            await manager.startRequest(request);
            await manager.finishSuccessfulRequest(request);
          }
          return TIMES;
        },
        close: () => manager.close(),
      };
    },
  },
  {
    name: "stores that answer at once",
    deed: "a request reads its session and writes one field",
    with: "the memory store gives what it has, and the request stays in its turn of the event loop",
    without: "the same store gives promises",
    open: async () => {
      const store = memoryStore();
      const [atOnce, later] = await Promise.all([visitorOf(store), visitorOf(promising(store))]);
      return { with: atOnce, without: later };
    },
  },
];

/** The same store with promises for answers. */
function promising(store: AnyStore): AnyStore {
  return {
    traits: store.traits,
    create: async (...call) => await store.create(...call),
    read: async (...call) => await store.read(...call),
    update: async (...call) => await store.update(...call),
    delete: async (...call) => await store.delete(...call),
  };
}

async function visitorOf(store: AnyStore): Promise<() => Promise<number>> {
  const manager = new SessionManager<{ theme: string }>({ store, sweepEvery: false });
  const first = testExchange();
  (await manager.startRequest(first)).set("theme", "dark");
  await manager.finishSuccessfulRequest(first);
  const cookie = cookieAfter(first);
  return async () => {
    for (let done = 0; done < TIMES; done += 1) {
      const request = testExchange({ cookie });
      const starting = manager.startRequest(request);
      const session = starting instanceof Promise ? await starting : starting;
      session.set("theme", String(done));
      const finishing = manager.finishSuccessfulRequest(request);
      if (finishing instanceof Promise) await finishing;
    }
    return TIMES;
  };
}
