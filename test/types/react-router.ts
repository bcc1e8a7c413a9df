import { expectTypeOf } from "vitest";
import { z } from "zod";
import {
  type ContextKey,
  reactRouterSessions,
  reactRouterSessionStorage,
} from "../../src/adapters/react-router.ts";
import { Session, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";

interface Data {
  userId: string;
  cart: string[];
}

declare const context: { get<T>(key: ContextKey<T>): T };

// ---- The session of a context is that of the manager ----

const sessions = reactRouterSessions(new SessionManager<Data>({ store: memoryStore() }));
expectTypeOf(sessions.of(context)).toExtend<Session<Data>>();
expectTypeOf(sessions.of({ context })).toExtend<Session<Data>>();
expectTypeOf(context.get(sessions.context)).toExtend<Session<Data>>();
expectTypeOf(context.get(sessions.context).data.cart).toEqualTypeOf<string[] | undefined>();

// ---- The storage has its data, whatever class or schemas the manager has ----

const shared = await sessions.storage.getSession();
expectTypeOf(shared.get("userId")).toEqualTypeOf<string | undefined>();
expectTypeOf(shared.session).toExtend<Session<Data>>();
// @ts-expect-error no such field
shared.set("colour", "red");

const withSchemas = new SessionManager({
  store: memoryStore(),
  fields: { cart: z.array(z.string()).default([]), user: z.string() },
});
const schemed = await reactRouterSessions(withSchemas).storage.getSession();
expectTypeOf(schemed.get("cart")).toEqualTypeOf<string[] | undefined>();
expectTypeOf(schemed.get("user")).toEqualTypeOf<string | undefined>();
expectTypeOf(schemed.session.data.cart).toEqualTypeOf<string[]>();

class Visit extends Session<Data> {
  get isEmpty(): boolean {
    return !this.has("cart");
  }
}
const visits = reactRouterSessions(new SessionManager({ store: memoryStore(), sessionClass: Visit }));
expectTypeOf(visits.of(context).isEmpty).toEqualTypeOf<boolean>();
expectTypeOf((await visits.storage.getSession()).get("cart")).toEqualTypeOf<string[] | undefined>();

// ---- The storage by itself takes the type arguments of the framework's ----

const storage = reactRouterSessionStorage<Data, { error: string }>(
  new SessionManager<Data>({ store: memoryStore() }),
);
const session = await storage.getSession();
expectTypeOf(session.get("error")).toEqualTypeOf<string | undefined>();
expectTypeOf(session.data.__flash_error__).toEqualTypeOf<string | undefined>();
// @ts-expect-error a flash value is not set
session.set("error", "no");
// @ts-expect-error a field is no flash value
session.flash("userId", "no");
expectTypeOf(await storage.commitSession(session, { maxAge: 60 })).toEqualTypeOf<string>();

const untyped = await reactRouterSessionStorage(new SessionManager({ store: memoryStore() })).getSession();
expectTypeOf(untyped.get("anything")).toEqualTypeOf<unknown>();
