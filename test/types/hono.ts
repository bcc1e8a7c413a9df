// What a handler sees of the session, through every way in which Hono hands a middleware's variables on. It is compiled
// against the newest version by `npm run check`, and against the oldest by test/adapters/support/hono-types.test.ts.
import { type Context, Hono } from "hono";
import { createFactory, createMiddleware } from "hono/factory";
import { expectTypeOf } from "vitest";
import { z } from "zod";
import { honoSessions, type SessionEnv } from "../../src/adapters/hono.ts";
import { NullSessionManager, Session, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";

interface Shop {
  cart: string[];
}
type Cart = string[] | undefined;

const manager = new SessionManager<Shop>({ store: memoryStore() });
const sessions = honoSessions(manager);
type ShopSession = ReturnType<typeof sessions.of>;
expectTypeOf<ShopSession>().toExtend<Session<Shop>>();

// By chaining.
new Hono().use(sessions).get("/", (c) => {
  expectTypeOf(c.get("session").data.cart).toEqualTypeOf<Cart>();
  expectTypeOf(c.var.session.data.cart).toEqualTypeOf<Cart>();
  // @ts-expect-error no such variable
  void c.var.sessions;
  return c.text("ok");
});

// Beside another middleware, and in front of one handler.
const timed = createMiddleware<{ Variables: { startedAt: number } }>(async (_c, next) => await next());
new Hono().use(timed, sessions).get("/", (c) => {
  expectTypeOf(c.var.startedAt).toEqualTypeOf<number>();
  expectTypeOf(c.var.session.data.cart).toEqualTypeOf<Cart>();
  return c.text("ok");
});
new Hono().get("/cart", sessions, (c) => {
  expectTypeOf(c.var.session.data.cart).toEqualTypeOf<Cart>();
  return c.text("ok");
});

// By the application's own type, where nothing is chained; bindings and other variables stay.
interface Env {
  Bindings: { REGION: string };
  Variables: { session: Session<Shop>; requestId: string };
}
const app = new Hono<Env>();
app.use(sessions);
app.get("/", (c) => {
  expectTypeOf(c.var.session.data.cart).toEqualTypeOf<Cart>();
  expectTypeOf(c.var.requestId).toEqualTypeOf<string>();
  expectTypeOf(c.env.REGION).toEqualTypeOf<string>();
  return c.text("ok");
});
new Hono<SessionEnv<ShopSession>>().get("/", (c) => c.json(c.var.session.data.cart ?? []));

// In a sub-application and in handlers made apart.
const sub = new Hono<SessionEnv<ShopSession>>();
sub.get("/", (c) => c.json(c.get("session").data.cart ?? []));
app.route("/sub", sub);
const handlers = createFactory<SessionEnv<ShopSession>>().createHandlers((c) => {
  expectTypeOf(c.var.session.data.cart).toEqualTypeOf<Cart>();
  return c.text("ok");
});
app.get("/apart", ...handlers);

// Two managers, each under its own name; of() needs no names.
const admin = honoSessions(new SessionManager<{ role: string }>({ store: memoryStore() }), {
  variable: "admin",
});
new Hono().use(sessions, admin).get("/", (c) => {
  expectTypeOf(c.var.session.data.cart).toEqualTypeOf<Cart>();
  expectTypeOf(c.var.admin.data.role).toEqualTypeOf<string | undefined>();
  expectTypeOf(sessions.of(c).data.cart).toEqualTypeOf<Cart>();
  expectTypeOf(admin.of(c).data.role).toEqualTypeOf<string | undefined>();
  return c.text("ok");
});

// What a schema makes certain is certain here, and a class of one's own is kept.
const counting = new SessionManager({ store: memoryStore(), fields: { views: z.number().default(0) } });
new Hono().use(honoSessions(counting)).get("/", (c) => {
  expectTypeOf(c.var.session.data.views).toEqualTypeOf<number>();
  return c.text("ok");
});
class CartSession extends Session<Shop> {
  add(item: string): void {
    this.update("cart", (cart = []) => [...cart, item]);
  }
}
const own = new SessionManager({ store: memoryStore(), sessionClass: CartSession });
new Hono().use(honoSessions(own)).post("/", (c) => {
  c.var.session.add("tea");
  return c.text("ok");
});
new Hono().use(honoSessions(new NullSessionManager()));

// Options see Hono's own context.
honoSessions(manager, {
  only(c) {
    expectTypeOf(c).toEqualTypeOf<Context>();
    return !c.req.path.startsWith("/assets/");
  },
  clientAddress: (c) => c.req.header("x-real-ip"),
  waitUntil: (work, c) => c.executionCtx.waitUntil(work),
});
// @ts-expect-error not the name of a variable
honoSessions(manager, { variable: 5 });
