import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Router,
} from "express";
import { type AnyStore, parseSessionId, type Session, SessionError, SessionManager } from "holdfast";
import { expressSessions } from "holdfast/adapters/express";
import { goods } from "../shop/goods.ts";
import { devicesPage, type Frame, shopPage, signInPage, tidePageEnd, tidePageStart } from "../shop/pages.ts";
import { assets, CACHE_CONTROL, frameOf, isForeign, type ShopData, without } from "../shop/rules.ts";
import { askHarbourMaster } from "../shop/tides.ts";

/** What the routes share: the session of a request, and what is done to others. */
interface Shop {
  readonly manager: SessionManager<ShopData>;
  sessionOf(request: Request): Session<ShopData>;
}

/** Makes the shop upon a store of sessions. */
export function createShop(store: AnyStore): {
  readonly app: Express;
  readonly manager: SessionManager<ShopData>;
} {
  const manager = new SessionManager<ShopData>({ store, rotateEvery: "15m" });
  const sessions = expressSessions(manager);
  const shop: Shop = { manager, sessionOf: (request) => sessions.of(request) };
  const app = express();
  app.disable("x-powered-by");
  app.use(sameSiteOnly);
  // Before the sessions, which they need not.
  for (const [path, type] of Object.entries(assets)) app.get(path, assetOf(path, type));
  app.use(sessions, express.urlencoded({ limit: "4kb" }), neverCached);
  app.use(front(shop), signing(shop));
  app.use("/cart", cart(shop));
  app.use("/devices", devices(shop));
  app.use(sessions.failed, apologise);
  return { app, manager };
}

function front({ sessionOf }: Shop): Router {
  const router = express.Router();

  router.get("/", (request, response) => {
    const { data } = sessionOf(request);
    response.send(shopPage(frame(sessionOf(request), request), goods, data.cart ?? {}, data.hits ?? 0));
  });

  router.post("/hit", (request, response) => {
    response.json({ hits: sessionOf(request).increment("hits") });
  });

  router.get("/hits", (request, response) => {
    response.json({ hits: sessionOf(request).data.hits ?? 0 });
  });

  /** A request that takes its time, to be overtaken by a sign-out. */
  router.post("/slow-note", async (request, response) => {
    sessionOf(request).data.note = field(request, "note");
    await wait(400);
    response.type("text").send("Noted, if you are still here.");
  });

  /** A page that is sent in two parts. What was changed before the first one is saved before it leaves. */
  router.get("/tide", async (request, response) => {
    const session = sessionOf(request);
    session.increment("tides");
    response.type("html").write(tidePageStart(frame(session, request)));
    const waters = await askHarbourMaster();
    response.end(tidePageEnd(frame(session, request), waters));
  });

  return router;
}

function cart({ sessionOf }: Shop): Router {
  const router = express.Router();

  router.post("/add", (request, response) => {
    const wanted = field(request, "good");
    const good = goods.find(({ id }) => id === wanted);
    if (good === undefined) return void response.status(404).type("text").send("No such thing.");
    const session = sessionOf(request);
    // Exact, also when two tabs add at the same moment.
    session.update("cart", (cart = {}) => ({ ...cart, [good.id]: (cart[good.id] ?? 0) + 1 }));
    session.flash("notice", `${good.name} is in your cart.`);
    response.redirect(303, "/");
  });

  router.post("/remove", (request, response) => {
    const gone = field(request, "good");
    sessionOf(request).update("cart", (cart = {}) => without(cart, gone));
    response.redirect(303, "/");
  });

  return router;
}

function signing({ sessionOf }: Shop): Router {
  const router = express.Router();

  router.get("/sign-in", (request, response) => {
    response.send(signInPage(frame(sessionOf(request), request)));
  });

  router.post("/sign-in", (request, response) => {
    const name = field(request, "name").trim().slice(0, 40);
    if (name === "") return response.redirect(303, "/sign-in");
    const session = sessionOf(request);
    session.login(name, { methods: ["demo"] });
    session.flash(
      "notice",
      `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
    );
    response.redirect(303, "/");
  });

  router.post("/sign-out", (request, response) => {
    sessionOf(request).logout();
    response.redirect(303, "/");
  });

  return router;
}

function devices({ manager, sessionOf }: Shop): Router {
  const router = express.Router();

  router.get("/", async (request, response) => {
    const session = sessionOf(request);
    const { user, id } = session;
    if (user === null) return response.redirect(303, "/sign-in");
    response.send(devicesPage(frame(session, request), await manager.sessionsOf(user), id));
  });

  router.post("/end", async (request, response) => {
    const session = sessionOf(request);
    const id = parseSessionId(field(request, "id"));
    if (session.user === null || id === null) return response.redirect(303, "/devices");
    const ended = await manager.revoke(id, { user: session.user });
    session.flash("notice", ended ? "That device is signed out." : "That device was signed out already.");
    response.redirect(303, "/devices");
  });

  router.post("/end-others", async (request, response) => {
    const session = sessionOf(request);
    if (session.user === null) return response.redirect(303, "/sign-in");
    const count = await manager.revokeUser(session.user, { except: session.id });
    session.flash(
      "notice",
      count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
    );
    response.redirect(303, "/devices");
  });

  return router;
}

const sameSiteOnly: RequestHandler = (request, response, next) => {
  if (!isForeign(request.method, request.get("sec-fetch-site"))) return next();
  response.status(403).type("text").send("This form belongs to another site.");
};

const neverCached: RequestHandler = (_request, response, next) => {
  response.set("cache-control", CACHE_CONTROL);
  next();
};

/** What handlers throw, and a session that could not be read. What could not be saved is answered by the adapter. */
const apologise: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) return next(error);
  const status = SessionError.is(error) ? error.status : 500;
  if (status === 500) console.error(error);
  response.status(status).type("text").send("Something went wrong. Please try again.");
};

function assetOf(path: string, type: string): RequestHandler {
  const content = readFileSync(new URL(`../shop${path}`, import.meta.url), "utf8");
  return (_request, response) => void response.type(type).send(content);
}

function frame(session: Session<ShopData>, request: Request): Frame {
  return frameOf(session, request.get("cookie"));
}

function field(request: Request, name: string): string {
  const value: unknown = (request.body as Readonly<Record<string, unknown>> | undefined)?.[name];
  return typeof value === "string" ? value : "";
}
