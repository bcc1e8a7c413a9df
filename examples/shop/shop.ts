import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import express, { type Express, type Request, type Response } from "express";
import { type AnyStore, parseSessionId, SessionManager } from "holdfast";
import { expressSessions } from "holdfast/adapters/express";
import { goods } from "./goods.ts";
import { devicesPage, type Frame, shopPage, signInPage, tidePageEnd, tidePageStart } from "./pages.ts";
import { assets, CACHE_CONTROL, frameOf, isForeign, type ShopData, without } from "./rules.ts";
import { askHarbourMaster } from "./tides.ts";

/** Makes the shop upon a store of sessions. */
export function createShop(store: AnyStore): {
  readonly app: Express;
  readonly manager: SessionManager<ShopData>;
} {
  const manager = new SessionManager<ShopData>({ store, rotateEvery: "15m" });
  const sessions = expressSessions(manager, { only: (request) => !((request.url ?? "/") in assets) });
  const app = express();
  app.disable("x-powered-by");
  app.use(sameSiteOnly);
  app.use(sessions);
  app.use(express.urlencoded({ extended: false }));
  for (const [path, type] of Object.entries(assets)) {
    const content = readFileSync(new URL(`.${path}`, import.meta.url));
    app.get(path, (_request, response) => void response.type(type).send(content));
  }

  app.use(keepNoPage);
  app.get("/", (request, response) => {
    const session = sessions.of(request);
    response.send(shopPage(frame(request), goods, session.data.cart ?? {}, session.data.hits ?? 0));
  });

  app.post("/cart/add", (request, response) => {
    const good = goods.find(({ id }) => id === field(request, "good"));
    if (good === undefined) return void response.status(404).send("No such thing.");
    const session = sessions.of(request);
    // Exact, also when two tabs add at the same moment.
    session.update("cart", (cart = {}) => ({ ...cart, [good.id]: (cart[good.id] ?? 0) + 1 }));
    session.flash("notice", `${good.name} is in your cart.`);
    response.redirect(303, "/");
  });

  app.post("/cart/remove", (request, response) => {
    const gone = field(request, "good");
    sessions.of(request).update("cart", (cart = {}) => without(cart, gone));
    response.redirect(303, "/");
  });

  app.post("/hit", (request, response) => {
    response.json({ hits: sessions.of(request).increment("hits") });
  });
  app.get("/hits", (request, response) => {
    response.json({ hits: sessions.of(request).data.hits ?? 0 });
  });

  /** A request that takes its time, to be overtaken by a sign-out. */
  app.post("/slow-note", async (request, response) => {
    const session = sessions.of(request);
    session.data.note = field(request, "note");
    await wait(400);
    response.send("Noted, if you are still here.");
  });

  /** A page that is sent in two parts. What the first one changes is saved before it leaves. */
  app.get("/tide", async (request, response) => {
    const session = sessions.of(request);
    session.increment("tides");
    response.type("html").write(tidePageStart(frame(request)));
    const waters = await askHarbourMaster();
    response.end(tidePageEnd(frame(request), waters));
  });

  app.get("/sign-in", (request, response) => {
    response.send(signInPage(frame(request)));
  });

  app.post("/sign-in", (request, response) => {
    const name = field(request, "name").trim().slice(0, 40);
    if (name === "") return void response.redirect(303, "/sign-in");
    const session = sessions.of(request);
    session.login(name, { methods: ["demo"] });
    session.flash(
      "notice",
      `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
    );
    response.redirect(303, "/");
  });

  app.post("/sign-out", (request, response) => {
    const session = sessions.of(request);
    session.logout();
    response.redirect(303, "/");
  });

  app.get("/devices", async (request, response) => {
    const { user, id } = sessions.of(request);
    if (user === null) return response.redirect(303, "/sign-in");
    response.send(devicesPage(frame(request), await manager.sessionsOf(user), id));
  });

  app.post("/devices/end", async (request, response) => {
    const session = sessions.of(request);
    const id = parseSessionId(field(request, "id"));
    if (session.user === null || id === null) return response.redirect(303, "/devices");
    const ended = await manager.revoke(id, { user: session.user });
    session.flash("notice", ended ? "That device is signed out." : "That device was signed out already.");
    response.redirect(303, "/devices");
  });

  app.post("/devices/end-others", async (request, response) => {
    const session = sessions.of(request);
    if (session.user === null) return response.redirect(303, "/sign-in");
    const count = await manager.revokeUser(session.user, { except: session.id });
    session.flash(
      "notice",
      count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
    );
    response.redirect(303, "/devices");
  });

  app.use(sessions.failed);
  return { app, manager };

  function frame(request: Request): Frame {
    return frameOf(sessions.of(request), request.headers.cookie);
  }
}

function sameSiteOnly(request: Request, response: Response, next: () => void): void {
  const site = request.headers["sec-fetch-site"];
  if (isForeign(request.method, site)) response.status(403).send("This form belongs to another site.");
  else next();
}

function keepNoPage(_request: Request, response: Response, next: () => void): void {
  response.set("cache-control", CACHE_CONTROL);
  next();
}

function field(request: Request, name: string): string {
  const value: unknown = (request.body as Record<string, unknown> | undefined)?.[name];
  return typeof value === "string" ? value : "";
}
