import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { getConnInfo } from "@hono/node-server/conninfo";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { stream } from "hono/streaming";
import { type AnyStore, parseSessionId, type Session, SessionError, SessionManager } from "holdfast";
import { honoSessions } from "holdfast/adapters/hono";
import { goods } from "../shop/goods.ts";
import { devicesPage, type Frame, shopPage, signInPage, tidePageEnd, tidePageStart } from "../shop/pages.ts";
import { assets, CACHE_CONTROL, frameOf, isForeign, type ShopData, without } from "../shop/rules.ts";
import { askHarbourMaster } from "../shop/tides.ts";

/** What every handler finds in its context. */
interface Env {
  Variables: { session: Session<ShopData> };
}

/** Makes the shop upon a store of sessions. */
export function createShop(store: AnyStore): {
  readonly app: Hono<Env>;
  readonly manager: SessionManager<ShopData>;
} {
  const manager = new SessionManager<ShopData>({ store, rotateEvery: "15m" });
  const app = new Hono<Env>();
  app.use(sameSiteOnly);
  app.use(
    honoSessions(manager, {
      only: (c) => !(c.req.path in assets),
      clientAddress: (c) => getConnInfo(c).remote.address,
    }),
  );
  app.onError(apologise);
  for (const [path, type] of Object.entries(assets)) {
    const content = readFileSync(new URL(`../shop${path}`, import.meta.url), "utf8");
    app.get(path, (c) => c.body(content, 200, { "content-type": type }));
  }

  app.use(async (c, next) => {
    c.header("cache-control", CACHE_CONTROL);
    await next();
  });
  app.get("/", (c) => {
    const { data } = c.var.session;
    return c.html(shopPage(frame(c), goods, data.cart ?? {}, data.hits ?? 0));
  });
  app.post("/hit", (c) => c.json({ hits: c.var.session.increment("hits") }));
  app.get("/hits", (c) => c.json({ hits: c.var.session.data.hits ?? 0 }));

  /** A request that takes its time, to be overtaken by a sign-out. */
  app.post("/slow-note", async (c) => {
    c.var.session.data.note = await field(c, "note");
    await wait(400);
    return c.text("Noted, if you are still here.");
  });

  /** A page that is sent in two parts. What was changed before the first one is saved before it leaves. */
  app.get("/tide", (c) => {
    c.var.session.increment("tides");
    const first = frame(c);
    c.header("content-type", "text/html; charset=utf-8");
    return stream(c, async (page) => {
      await page.write(tidePageStart(first));
      const waters = await askHarbourMaster();
      await page.write(tidePageEnd(frame(c), waters));
    });
  });

  app.route("/cart", cart());
  app.route("/devices", devices(manager));
  app.route("/", signing());
  return { app, manager };
}

function cart(): Hono<Env> {
  const app = new Hono<Env>();

  app.post("/add", async (c) => {
    const wanted = await field(c, "good");
    const good = goods.find(({ id }) => id === wanted);
    if (good === undefined) throw new HTTPException(404, { message: "No such thing." });
    const { session } = c.var;
    // Exact, also when two tabs add at the same moment.
    session.update("cart", (cart = {}) => ({ ...cart, [good.id]: (cart[good.id] ?? 0) + 1 }));
    session.flash("notice", `${good.name} is in your cart.`);
    return c.redirect("/", 303);
  });

  app.post("/remove", async (c) => {
    const gone = await field(c, "good");
    c.var.session.update("cart", (cart = {}) => without(cart, gone));
    return c.redirect("/", 303);
  });

  return app;
}

function signing(): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/sign-in", (c) => c.html(signInPage(frame(c))));

  app.post("/sign-in", async (c) => {
    const name = (await field(c, "name")).trim().slice(0, 40);
    if (name === "") return c.redirect("/sign-in", 303);
    const { session } = c.var;
    session.login(name, { methods: ["demo"] });
    session.flash(
      "notice",
      `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
    );
    return c.redirect("/", 303);
  });

  app.post("/sign-out", (c) => {
    c.var.session.logout();
    return c.redirect("/", 303);
  });

  return app;
}

function devices(manager: SessionManager<ShopData>): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/", async (c) => {
    const { user, id } = c.var.session;
    if (user === null) return c.redirect("/sign-in", 303);
    return c.html(devicesPage(frame(c), await manager.sessionsOf(user), id));
  });

  app.post("/end", async (c) => {
    const { session } = c.var;
    const id = parseSessionId(await field(c, "id"));
    if (session.user === null || id === null) return c.redirect("/devices", 303);
    const ended = await manager.revoke(id, { user: session.user });
    session.flash("notice", ended ? "That device is signed out." : "That device was signed out already.");
    return c.redirect("/devices", 303);
  });

  app.post("/end-others", async (c) => {
    const { session } = c.var;
    if (session.user === null) return c.redirect("/sign-in", 303);
    const count = await manager.revokeUser(session.user, { except: session.id });
    session.flash(
      "notice",
      count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
    );
    return c.redirect("/devices", 303);
  });

  return app;
}

/** A session that could not be read or saved comes here as well as what handlers throw. */
function apologise(error: Error, c: Context<Env>): Response {
  if (error instanceof HTTPException) return error.getResponse();
  if (SessionError.is(error) && error.status !== 500) {
    return c.text("That did not work out. Please try again.", error.status as 503);
  }
  console.error(error);
  return c.text("Something went wrong.", 500);
}

const sameSiteOnly: MiddlewareHandler = async (c, next) => {
  const site = c.req.header("sec-fetch-site");
  if (isForeign(c.req.method, site)) return c.text("This form belongs to another site.", 403);
  await next();
};

function frame(c: Context<Env>): Frame {
  return frameOf(c.var.session, c.req.header("cookie"));
}

async function field(c: Context, name: string): Promise<string> {
  const value = (await c.req.parseBody())[name];
  return typeof value === "string" ? value : "";
}
