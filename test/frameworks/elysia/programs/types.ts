// What the compiler has to infer, and what it has to refuse.
import { Elysia } from "elysia";
import { type Session, SessionManager } from "holdfast";
import { elysiaSessions } from "holdfast/adapters/elysia";
import { memoryStore } from "holdfast/stores/memory";

interface Shop {
  cart: string[];
}

function is<T>(value: T): T {
  return value;
}

const manager = new SessionManager<Shop>({ store: memoryStore() });

new Elysia().use(elysiaSessions(manager)).get("/", ({ session }) => {
  is<Session<Shop>>(session);
  // @ts-expect-error -- no such field
  session.data.basket = [];
  return "";
});

const inner = new Elysia().use(elysiaSessions(manager));
new Elysia().use(inner).get("/", ({ session }) => is<Session<Shop>>(session).user);

const local = new Elysia()
  .use(elysiaSessions(manager, { as: "local" }))
  .get("/", ({ session }) => session.user);
// @ts-expect-error -- it is of the inner instance alone
new Elysia().use(local).get("/", ({ session }) => session.user);

const scoped = new Elysia().use(elysiaSessions(manager, { as: "scoped" }));
new Elysia().use(scoped).get("/", ({ session }) => is<Session<Shop>>(session).user);

new Elysia()
  .use(elysiaSessions(manager))
  .use(elysiaSessions(new SessionManager<{ rank: number }>({ store: memoryStore() }), { name: "admin" }))
  .get("/", ({ session, admin }) => `${session.data.cart} ${admin.data.rank}`);
