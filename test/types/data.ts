import { expectTypeOf } from "vitest";
import * as v from "valibot";
import { z } from "zod";
import { currentSession, type Session, SessionManager, type SessionOf } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testExchange } from "../support/exchange.ts";

interface Shop {
  cart: { items: string[] };
  views: number;
}

const store = memoryStore();

// Without any types, every field is unknown and every name is allowed.
const untyped = await new SessionManager({ store }).startRequest(testExchange());
expectTypeOf(untyped.data["anything"]).toEqualTypeOf<unknown>();
expectTypeOf(untyped.get("anything")).toEqualTypeOf<unknown>();
untyped.set("anything", { at: new Date() }).increment("n");

// By type parameter: no field is certain, each has its type.
const typed = await new SessionManager<Shop>({ store }).startRequest(testExchange());
expectTypeOf(typed.data.cart).toEqualTypeOf<{ items: string[] } | undefined>();
expectTypeOf(typed.get("views")).toEqualTypeOf<number | undefined>();
expectTypeOf(typed.take("views")).toEqualTypeOf<number | undefined>();
expectTypeOf(typed.claim("cart")).toEqualTypeOf<Promise<{ items: string[] } | undefined>>();
expectTypeOf(typed.keys()).toEqualTypeOf<("cart" | "views")[]>();
expectTypeOf(typed.update("views", (n = 0) => n + 1)).toEqualTypeOf<number | undefined>();
typed.data.views = 5;
delete typed.data.views;
typed.set("cart", undefined).delete("views");
// @ts-expect-error a field that the data does not have
typed.get("card");
// @ts-expect-error a value of another type
typed.set("views", "5");
// @ts-expect-error a value of another type
typed.data.views = "5";
// @ts-expect-error a function that makes another type
typed.update("views", () => "5");
// @ts-expect-error the field may be absent
void typed.data.cart.items;
// @ts-expect-error a promise is not a value: the function may be applied again
typed.update("views", async (n = 0) => n + 1);

// By schemas: a field whose schema turns "absent" into a value is certain.
const withSchemas = new SessionManager({
  store,
  fields: {
    cart: z.object({ items: z.array(z.string()) }).default({ items: [] }),
    views: z.number().default(0),
    name: z.string(),
    nick: z.string().optional(),
    since: z.coerce.date(),
    trimmed: z.preprocess((value) => value, z.string()),
    size: z.string().transform((text) => text.length),
    anything: z.any(),
    theme: v.optional(v.picklist(["dark", "light"]), "light"),
    tags: v.array(v.string()),
    note: v.optional(v.string()),
  },
});
const shop = await withSchemas.startRequest(testExchange());
expectTypeOf(shop.data.cart).toEqualTypeOf<{ items: string[] }>();
expectTypeOf(shop.data.views).toEqualTypeOf<number>();
expectTypeOf(shop.get("views")).toEqualTypeOf<number>();
expectTypeOf(shop.data.name).toEqualTypeOf<string | undefined>();
expectTypeOf(shop.get("name")).toEqualTypeOf<string | undefined>();
expectTypeOf(shop.data.nick).toEqualTypeOf<string | undefined>();
expectTypeOf(shop.data.size).toEqualTypeOf<number | undefined>();
expectTypeOf(shop.data.theme).toEqualTypeOf<"dark" | "light">();
expectTypeOf(shop.data.tags).toEqualTypeOf<string[] | undefined>();
expectTypeOf(shop.data.note).toEqualTypeOf<string | undefined>();
// A schema that takes anything may still refuse "absent": only one that says so is certain.
expectTypeOf(shop.data.since).toEqualTypeOf<Date | undefined>();
expectTypeOf(shop.data.trimmed).toEqualTypeOf<string | undefined>();
shop.data.cart.items.push("tea");
// @ts-expect-error a certain field cannot be deleted as a property: it would still have a type that says it is there
delete shop.data.views;
// A field without a schema is not checked, and nothing is known of it.
expectTypeOf(shop.get("other")).toEqualTypeOf<unknown>();

// Both: what is not described by a schema is described by the type.
const both = await new SessionManager<{ visits: number }, { views: z.ZodDefault<z.ZodNumber> }>({
  store,
  fields: { views: z.number().default(0) },
}).startRequest(testExchange());
expectTypeOf(both.data.visits).toEqualTypeOf<number | undefined>();
expectTypeOf(both.data.views).toEqualTypeOf<number>();

// The session of a manager has a name of its own, for functions that take one.
declare function count(session: SessionOf<object, { views: z.ZodDefault<z.ZodNumber> }>): void;
count(
  await new SessionManager<object, { views: z.ZodDefault<z.ZodNumber> }>({
    store,
    fields: { views: z.number().default(0) },
  }).startRequest(testExchange()),
);
declare function remember(session: Session<Shop>): void;
remember(typed);
// @ts-expect-error a session of other data
remember(shop);

// Wherever one is below the handler.
expectTypeOf(currentSession()).toEqualTypeOf<Session | null>();
expectTypeOf(currentSession<Session<Shop>>()).toEqualTypeOf<Session<Shop> | null>();

// What cannot be, does not compile.
// @ts-expect-error no store
void new SessionManager({});
// @ts-expect-error an option that is none
void new SessionManager({ store, maxAge: 5 });
// @ts-expect-error a text that is no duration
void new SessionManager({ store, idle: "soon" });
// @ts-expect-error a cookie attribute that is not offered
void new SessionManager({ store, cookie: { httpOnly: false } });
// @ts-expect-error no Standard Schema
void new SessionManager({ store, fields: { cart: {} } });
