import Keyv from "keyv";
import { describe, test } from "vitest";
import { keyOf } from "../../src/stores/key-value/keys.ts";
import { keyvStore } from "../../src/stores/keyv.ts";
import { storeContract } from "../../src/testing/index.ts";
import { unconditionalSubject } from "./key-value/subject.ts";

storeContract(
  { test, describe },
  unconditionalSubject("Keyv, a Map", async () => {
    const map = new Map<string, unknown>();
    const keyv = new Keyv({ store: map });
    const put = async (key: string, value: unknown): Promise<void> => void (await keyv.set(key, value));
    return {
      store: () => keyvStore(keyv),
      close: async () => {},
      damage: {
        "of another application": (id) => put(`holdfast:${keyOf(id)}`, { user: 1 }),
        "another text": (id) => put(`holdfast:${keyOf(id)}`, "user 1"),
        async "not JSON"(id) {
          map.set(`holdfast:${keyOf(id)}`, { value: "{", expires: undefined });
        },
      },
    };
  }),
);
