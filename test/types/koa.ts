import Koa from "koa";
import { expectTypeOf } from "vitest";
import { koaSessions } from "../../src/adapters/koa.ts";
import { SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";

interface Shop {
  cart: string[];
}

const sessions = koaSessions(new SessionManager<Shop>({ store: memoryStore() }), {
  only: (ctx) => !ctx.path.startsWith("/assets/"),
  clientAddress: (ctx: Koa.Context) => ctx.ip,
});
type ShopSession = ReturnType<typeof sessions.of>;

// The application that `use` gives knows the session, whatever its own state and context are.
new Koa().use(sessions).use(async (ctx, next) => {
  expectTypeOf(ctx.session).toEqualTypeOf<ShopSession>();
  expectTypeOf(ctx.session.data.cart).toEqualTypeOf<string[] | undefined>();
  // @ts-expect-error a field that the data does not have
  ctx.session.get("card");
  ctx.body = "any body";
  ctx.status = 201;
  ctx.respond = false;
  ctx.res.end();
  await next();
});
new Koa<{ locale: string }, { shop: string }>().use(sessions).use((ctx) => {
  expectTypeOf(ctx.session).toEqualTypeOf<ShopSession>();
  expectTypeOf(ctx.state.locale).toEqualTypeOf<string>();
  expectTypeOf(ctx.shop).toEqualTypeOf<string>();
  // @ts-expect-error neither Koa's nor the application's
  void ctx.chop;
});

// `of` is typed wherever the middleware was mounted.
const app = new Koa();
app.use(sessions);
app.use((ctx) => {
  expectTypeOf(sessions.of(ctx)).toEqualTypeOf<ShopSession>();
  expectTypeOf(sessions.of(ctx.request)).toEqualTypeOf<ShopSession>();
  expectTypeOf(sessions.of(ctx.req)).toEqualTypeOf<ShopSession>();
});

// A middleware as one writes it in a file of its own.
const named: Koa.Middleware<Koa.DefaultState, { session: ShopSession }> = (ctx) => {
  ctx.body = ctx.session.get("cart");
};
app.use(sessions).use(named);

// @ts-expect-error an option that is none
koaSessions(new SessionManager({ store: memoryStore() }), { onError: () => undefined });
