import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { type AnyStore, parseSessionId, type Session, SessionManager } from "holdfast";
import { koaSessions } from "holdfast/adapters/koa";
import Koa from "koa";
import { goods } from "../shop/goods.ts";
import { devicesPage, type Frame, shopPage, signInPage, tidePageEnd, tidePageStart } from "../shop/pages.ts";
import { assets, CACHE_CONTROL, frameOf, isForeign, type ShopData, without } from "../shop/rules.ts";
import { askHarbourMaster } from "../shop/tides.ts";

/** What every handler finds in its context. */
type Context = Koa.ParameterizedContext<Koa.DefaultState, { session: Session<ShopData> }>;
type Handler = (ctx: Context, form: URLSearchParams) => unknown;

/** What Koa's errors, and those of a session that cannot be saved, tell. */
interface Thrown {
  readonly status?: number;
  readonly expose?: boolean;
  readonly message: string;
}

/** Forms of this shop are a few words long. */
const MAX_FORM_BYTES = 4096;

/** Makes the shop upon a store of sessions. */
export function createShop(store: AnyStore): {
  readonly app: Koa;
  readonly manager: SessionManager<ShopData>;
} {
  const manager = new SessionManager<ShopData>({ store, rotateEvery: "15m" });
  const sessions = koaSessions(manager, { only: (ctx) => !(ctx.path in assets) });
  const routes = routesOf(manager);
  const app = new Koa();
  app.use(apologise).use(sameSiteOnly).use(serveAssets);
  app.use(sessions).use(async (ctx) => {
    ctx.set("cache-control", CACHE_CONTROL);
    const handler = routes[`${ctx.method} ${ctx.path}`];
    if (handler !== undefined) await handler(ctx, await formOf(ctx));
  });
  return { app, manager };
}

function routesOf(manager: SessionManager<ShopData>): Readonly<Record<string, Handler>> {
  return {
    "GET /": (ctx) => {
      const { data } = ctx.session;
      ctx.body = shopPage(frame(ctx), goods, data.cart ?? {}, data.hits ?? 0);
    },

    "POST /cart/add": (ctx, form) => {
      const good = goods.find(({ id }) => id === form.get("good"));
      if (good === undefined) return ctx.throw(404, "No such thing.");
      // Exact, also when two tabs add at the same moment.
      ctx.session.update("cart", (cart = {}) => ({ ...cart, [good.id]: (cart[good.id] ?? 0) + 1 }));
      ctx.session.flash("notice", `${good.name} is in your cart.`);
      seeOther(ctx, "/");
    },

    "POST /cart/remove": (ctx, form) => {
      const gone = form.get("good");
      ctx.session.update("cart", (cart = {}) => without(cart, gone));
      seeOther(ctx, "/");
    },

    "POST /hit": (ctx) => {
      ctx.body = { hits: ctx.session.increment("hits") };
    },
    "GET /hits": (ctx) => {
      ctx.body = { hits: ctx.session.data.hits ?? 0 };
    },

    /** A request that takes its time, to be overtaken by a sign-out. */
    "POST /slow-note": async (ctx, form) => {
      ctx.session.data.note = form.get("note") ?? "";
      await wait(400);
      ctx.body = "Noted, if you are still here.";
    },

    /** A page that is sent in two parts. What was changed before the first one is saved before it leaves. */
    "GET /tide": (ctx) => {
      ctx.session.increment("tides");
      ctx.type = "html";
      ctx.body = Readable.from(tidePage(ctx, frame(ctx)));
    },

    "GET /sign-in": (ctx) => {
      ctx.body = signInPage(frame(ctx));
    },

    "POST /sign-in": (ctx, form) => {
      const name = (form.get("name") ?? "").trim().slice(0, 40);
      if (name === "") return seeOther(ctx, "/sign-in");
      ctx.session.login(name, { methods: ["demo"] });
      ctx.session.flash(
        "notice",
        `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
      );
      seeOther(ctx, "/");
    },

    "POST /sign-out": (ctx) => {
      ctx.session.logout();
      seeOther(ctx, "/");
    },

    "GET /devices": async (ctx) => {
      const { user, id } = ctx.session;
      if (user === null) return seeOther(ctx, "/sign-in");
      ctx.body = devicesPage(frame(ctx), await manager.sessionsOf(user), id);
    },

    "POST /devices/end": async (ctx, form) => {
      const { user } = ctx.session;
      const id = parseSessionId(form.get("id") ?? "");
      if (user === null || id === null) return seeOther(ctx, "/devices");
      const ended = await manager.revoke(id, { user });
      ctx.session.flash(
        "notice",
        ended ? "That device is signed out." : "That device was signed out already.",
      );
      seeOther(ctx, "/devices");
    },

    "POST /devices/end-others": async (ctx) => {
      const { user, id } = ctx.session;
      if (user === null) return seeOther(ctx, "/sign-in");
      const count = await manager.revokeUser(user, { except: id });
      ctx.session.flash(
        "notice",
        count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
      );
      seeOther(ctx, "/devices");
    },
  };
}

async function* tidePage(ctx: Context, first: Frame): AsyncGenerator<string> {
  yield tidePageStart(first);
  const waters = await askHarbourMaster();
  yield tidePageEnd(frame(ctx), waters);
}

/** Above the sessions, so that a session that cannot be saved becomes an apology as well. */
async function apologise(ctx: Koa.Context, next: Koa.Next): Promise<void> {
  try {
    await next();
  } catch (error) {
    const { status = 500, expose = false, message } = error as Thrown;
    ctx.status = status;
    ctx.body = expose ? message : "Something went wrong. Please try again.";
    ctx.app.emit("error", error, ctx);
  }
}

async function sameSiteOnly(ctx: Koa.Context, next: Koa.Next): Promise<void> {
  if (isForeign(ctx.method, ctx.get("sec-fetch-site"))) ctx.throw(403, "This form belongs to another site.");
  await next();
}

async function serveAssets(ctx: Koa.Context, next: Koa.Next): Promise<void> {
  const type = assets[ctx.path];
  if (type === undefined) return void (await next());
  ctx.type = type;
  ctx.body = readFileSync(new URL(`../shop${ctx.path}`, import.meta.url));
}

/** The redirect after a form, which a browser follows with GET. */
function seeOther(ctx: Context, path: string): void {
  ctx.status = 303;
  ctx.redirect(path);
}

async function formOf(ctx: Context): Promise<URLSearchParams> {
  if (!ctx.is("urlencoded")) return new URLSearchParams();
  const length = ctx.request.length;
  if (!(length <= MAX_FORM_BYTES)) return ctx.throw(413, "This form is too long.");
  return new URLSearchParams(await text(ctx.req));
}

function frame(ctx: Context): Frame {
  return frameOf(ctx.session, ctx.headers.cookie);
}
