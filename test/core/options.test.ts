import { describe, expect, test } from "vitest";
import { z } from "zod";
import * as v from "valibot";
import { Session, SessionError, SessionManager, type StoreTraits } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";

const make = (options: object): SessionManager => new SessionManager({ store: memoryStore(), ...options });

/** A store that does nothing but exist, with these traits and without these methods. */
function storeWith(traits: Partial<StoreTraits>, without: readonly string[] = []): object {
  const store = memoryStore();
  const methods = [
    "create",
    "read",
    "update",
    "delete",
    "listByLabel",
    "deleteByLabel",
    "all",
    "sweep",
  ] as const;
  const kept = methods.filter((name) => !without.includes(name));
  return {
    ...Object.fromEntries(kept.map((name) => [name, store[name]])),
    traits: { ...store.traits, ...traits },
  };
}

describe("options that cannot work are refused at construction, by an error that names the mend", () => {
  class Foreign {
    readonly data = {};
  }
  // oxlint-disable-next-line unicorn/no-thenable -- a promise of another make
  const thenable = Object.fromEntries([["then", (): void => undefined]]);
  const standard = (validate: unknown): object => ({ "~standard": { version: 1, vendor: "test", validate } });
  const wrong: Record<string, readonly [object, RegExp]> = {
    "an option that is none": [{ maxAge: 5 }, /no option "maxAge".*absolute/],
    "a cookie option that is none": [{ cookie: { httpOnly: false } }, /cookie has no option "httpOnly"/],
    "a requirement that is none": [{ requires: { speed: 1 } }, /requires has no option "speed"/],
    "cookie options that are none": [{ cookie: true }, /cookie must be an object/],
    "a text for cookie options": [{ cookie: "sid" }, /cookie must be an object/],
    "requirements that are none": [{ requires: true }, /requires must be an object/],
    "no store": [{ store: undefined }, /memoryStore\(\)/],
    "a store that is none": [{ store: new Map() }, /memoryStore\(\)/],
    "a store's maker instead of a store": [{ store: memoryStore }, /memoryStore\(\)/],
    "a store without delete": [{ store: storeWith({}, ["delete"]) }, /not a session store/],
    "a store without traits": [{ store: { ...storeWith({}), traits: undefined } }, /not a session store/],
    "a store that is not shared": [{ requires: { shared: true } }, /Choose one that processes share/],
    "a store that is not durable": [{ requires: { durability: "power" } }, /Choose another store/],
    "a durability that is none": [{ requires: { durability: "total" } }, /"none" or "process" or "power"/],
    "fields that are none": [{ fields: "x" }, /fields must be an object/],
    "a field without a schema": [{ fields: { cart: {} } }, /fields\.cart is not a Standard Schema/],
    "a field that is null": [{ fields: { cart: null } }, /fields\.cart is not a Standard Schema/],
    "a reserved field": [{ fields: { "~auth": z.string() } }, /fields\.~auth.*kept for the library/],
    "a field with an impossible name": [{ fields: { "": z.string() } }, /1 to 128/],
    "a field with a control character": [{ fields: { "a\n": z.string() } }, /control characters/],
    "an asynchronous schema": [{ fields: { a: v.pipeAsync(v.string()) } }, /fields\.a.*synchronous/],
    "an asynchronous refinement": [
      { fields: { a: z.string().refine(async () => true) } },
      /fields\.a.*synchronous/,
    ],
    "a schema that answers with a promise of another make": [
      { fields: { a: standard(() => thenable) } },
      /fields\.a/,
    ],
    "an asynchronous schema that rejects": [
      { fields: { a: standard(() => Promise.reject(new Error("x"))) } },
      /fields\.a/,
    ],
    "a session class that is none": [{ sessionClass: Foreign }, /must extend Session/],
    "a session instead of its class": [{ sessionClass: {} }, /must extend Session/],
    "a codec that is none": [{ codec: { encode: () => "" } }, /encode and decode/],
    "a codec that is null": [{ codec: null }, /encode and decode/],
    "a size that is none": [{ maxRecordBytes: "1mb" }, /maxRecordBytes/],
    "a size that nothing fits in": [{ maxRecordBytes: 10 }, /1024 or more/],
    "a deadline that is none": [{ deadline: 0 }, /deadline/],
    "a deadline longer than a timer can be": [{ deadline: "25d" }, /deadline.*Lower it/],
    "sweeps further apart than a timer can be": [{ sweepEvery: "30d" }, /sweepEvery.*Lower it/],
    "sweeps that are none": [{ sweepEvery: true }, /sweepEvery/],
    "sweeps of a store that cannot": [
      { store: storeWith({}, ["sweep"]), sweepEvery: "1h" },
      /Drop the option/,
    ],
    "a way to fail that is none": [{ onStoreFailure: "ignore" }, /"fail" or "anonymous"/],
    "a way to conflict that is none": [{ onConflict: "merge" }, /"last-wins" or "fail"/],
    "a way to be gone that is none": [{ onGone: "revive" }, /"drop" or "fail"/],
    "a text for a boolean": [{ endOnFailure: "false" }, /endOnFailure must be true or false/],
    "a number for a boolean": [{ context: 1 }, /context must be true or false/],
    "null for a boolean that is on": [{ setup: 0 }, /setup must be true or false/],
    "a clock that is none": [{ clock: { now: 5 } }, /clock needs the methods now and after/],
    "Date for a clock": [{ clock: Date }, /clock needs/],
    "a contradiction of the cookie": [{ cookie: { name: "__Host-s", path: "/x" } }, /Drop the prefix/],
    "a contradiction of the lifetime": [{ idle: "2d", absolute: "1d" }, /Lower idle/],
  };
  for (const [name, [options, mend]] of Object.entries(wrong)) {
    test(name, () => {
      expect(() => make(options)).toThrow(SessionError);
      expect(() => make(options)).toThrow(mend);
      expect(() => make(options)).toThrow(expect.objectContaining({ code: "ERR_SESSION_CONFIG" }));
    });
  }

  test("no options at all", () => {
    for (const options of [undefined, null, 5, "x"])
      expect(() => new SessionManager(options as never)).toThrow(/object of options with a store/);
  });
});

test("undefined is as good as not given", () => {
  const names = [
    "cookie",
    "fields",
    "codec",
    "idle",
    "preset",
    "deadline",
    "sweepEvery",
    "requires",
    "clock",
    "setup",
  ];
  expect(() => make(Object.fromEntries(names.map((name) => [name, undefined])))).not.toThrow();
});

test("the class of sessions may be Session itself, or any below it", () => {
  class Shop extends Session {}
  class Fair extends Shop {}
  for (const sessionClass of [Session, Shop, Fair]) expect(() => make({ sessionClass })).not.toThrow();
});

test("what a store promises may be required", () => {
  const store = storeWith({ durability: "power", shared: true });
  for (const durability of ["none", "process", "power"])
    expect(() => make({ store, requires: { durability, shared: true } })).not.toThrow();
  expect(() => make({ requires: { shared: false } })).not.toThrow();
});
