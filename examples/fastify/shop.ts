import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import fastify, {
  type FastifyInstance,
  type FastifyPluginCallback,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import { type AnyStore, parseSessionId, type Session, SessionManager } from "holdfast";
import { type FastifySessions, fastifySessions } from "holdfast/adapters/fastify";
import { goods } from "../shop/goods.ts";
import { devicesPage, type Frame, shopPage, signInPage, tidePageEnd, tidePageStart } from "../shop/pages.ts";
import { assets, CACHE_CONTROL, frameOf, isForeign, type ShopData, without } from "../shop/rules.ts";
import { askHarbourMaster } from "../shop/tides.ts";

/** What the plugins of the shop are given. */
interface Shop {
  readonly manager: SessionManager<ShopData>;
  readonly sessions: FastifySessions<Session<ShopData>>;
}

const HTML = "text/html; charset=utf-8";

/** Forms of this shop are a few words long. */
const MAX_FORM_BYTES = 4096;

/** Makes the shop upon a store of sessions, which is closed with it. */
export function createShop(store: AnyStore): FastifyInstance {
  const manager = new SessionManager<ShopData>({ store, rotateEvery: "15m" });
  const sessions = fastifySessions(manager);
  const shop: Shop = { manager, sessions };
  const app = fastify({ bodyLimit: MAX_FORM_BYTES, logger: { level: "error" } });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string" },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  );
  app.setErrorHandler(apologise);
  app.addHook("onRequest", sameSiteOnly);
  app.addHook("onClose", () => manager.close());

  app.register(files); // outside the scope of the sessions
  app.register((scope, _options, done) => {
    scope.register(sessions);
    scope.addHook("onRequest", keepNoPage);
    scope.register(front, shop);
    scope.register(signing, shop);
    scope.register(cart, { ...shop, prefix: "/cart" });
    scope.register(devices, { ...shop, prefix: "/devices" });
    done();
  });
  return app;
}

const files: FastifyPluginCallback = (app, _options, done) => {
  for (const [path, type] of Object.entries(assets)) {
    const content = readFileSync(new URL(`../shop${path}`, import.meta.url), "utf8");
    app.get(path, (_request, reply) => reply.type(type).send(content));
  }
  done();
};

const front: FastifyPluginCallback<Shop> = (app, { sessions }, done) => {
  app.get("/", (request, reply) => {
    const session = sessions.of(request);
    const frame = frameOf(session, request.headers.cookie);
    return reply.type(HTML).send(shopPage(frame, goods, session.data.cart ?? {}, session.data.hits ?? 0));
  });

  /** A page that is sent in two parts. What was changed before the first one is saved before it leaves. */
  app.get("/tide", (request, reply) => {
    const session = sessions.of(request);
    session.increment("tides");
    const frame = (): Frame => frameOf(session, request.headers.cookie);
    return reply.type(HTML).send(Readable.from(tidePage(frame(), frame)));
  });

  app.post("/hit", (request, reply) => reply.send({ hits: sessions.of(request).increment("hits") }));
  app.get("/hits", (request, reply) => reply.send({ hits: sessions.of(request).data.hits ?? 0 }));

  /** A request that takes its time, to be overtaken by a sign-out. */
  app.post<{ Body: { note: string } }>("/slow-note", form("note"), async (request) => {
    sessions.of(request).data.note = request.body.note;
    await wait(400);
    return "Noted, if you are still here.";
  });
  done();
};

async function* tidePage(first: Frame, now: () => Frame): AsyncGenerator<string> {
  yield tidePageStart(first);
  const waters = await askHarbourMaster();
  yield tidePageEnd(now(), waters);
}

const cart: FastifyPluginCallback<Shop> = (app, { sessions }, done) => {
  app.post<{ Body: { good: string } }>("/add", form("good"), (request, reply) => {
    const good = goods.find(({ id }) => id === request.body.good);
    if (good === undefined) return reply.code(404).send("No such thing.");
    const session = sessions.of(request);
    // Exact, also when two tabs add at the same moment.
    session.update("cart", (cart = {}) => ({ ...cart, [good.id]: (cart[good.id] ?? 0) + 1 }));
    session.flash("notice", `${good.name} is in your cart.`);
    return reply.redirect("/", 303);
  });

  app.post<{ Body: { good: string } }>("/remove", form("good"), (request, reply) => {
    const gone = request.body.good;
    sessions.of(request).update("cart", (cart = {}) => without(cart, gone));
    return reply.redirect("/", 303);
  });
  done();
};

const signing: FastifyPluginCallback<Shop> = (app, { sessions }, done) => {
  app.get("/sign-in", (request, reply) =>
    reply.type(HTML).send(signInPage(frameOf(sessions.of(request), request.headers.cookie))),
  );

  app.post<{ Body: { name: string } }>("/sign-in", form("name"), (request, reply) => {
    const name = request.body.name.trim().slice(0, 40);
    if (name === "") return reply.redirect("/sign-in", 303);
    const session = sessions.of(request);
    session.login(name, { methods: ["demo"] });
    session.flash(
      "notice",
      `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
    );
    return reply.redirect("/", 303);
  });

  app.post("/sign-out", (request, reply) => {
    sessions.of(request).logout();
    return reply.redirect("/", 303);
  });
  done();
};

const devices: FastifyPluginCallback<Shop> = (app, { manager, sessions }, done) => {
  app.get("/", async (request, reply) => {
    const session = sessions.of(request);
    const { user, id } = session;
    if (user === null) return reply.redirect("/sign-in", 303);
    const frame = frameOf(session, request.headers.cookie);
    return reply.type(HTML).send(devicesPage(frame, await manager.sessionsOf(user), id));
  });

  app.post<{ Body: { id: string } }>("/end", form("id"), async (request, reply) => {
    const session = sessions.of(request);
    const id = parseSessionId(request.body.id);
    if (session.user === null || id === null) return reply.redirect("/devices", 303);
    const ended = await manager.revoke(id, { user: session.user });
    session.flash("notice", ended ? "That device is signed out." : "That device was signed out already.");
    return reply.redirect("/devices", 303);
  });

  app.post("/end-others", async (request, reply) => {
    const session = sessions.of(request);
    if (session.user === null) return reply.redirect("/sign-in", 303);
    const count = await manager.revokeUser(session.user, { except: session.id });
    session.flash(
      "notice",
      count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
    );
    return reply.redirect("/devices", 303);
  });
  done();
};

/** The schema of a form with one field; without that field Fastify answers 400. */
function form(field: string): { readonly schema: { readonly body: object } } {
  const properties = { [field]: { type: "string" } };
  return { schema: { body: { type: "object", required: [field], properties } } };
}

/** What errors tell: Fastify's own, and those of a session that cannot be read or saved. */
interface Thrown extends Error {
  readonly statusCode?: number;
  readonly code?: string;
}

/** A session that could not be read or saved comes here as well as what handlers throw. */
function apologise(error: Thrown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { statusCode = 500, code = "", message } = error;
  reply.code(statusCode);
  // A form that is too long, lacks its field, or is none.
  if (statusCode < 500 && code.startsWith("FST_")) return reply.send(message);
  request.log.error(error);
  return reply.send("Something went wrong. Please try again.");
}

async function keepNoPage(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.header("cache-control", CACHE_CONTROL);
}

async function sameSiteOnly(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  if (!isForeign(request.method, request.headers["sec-fetch-site"])) return undefined;
  return reply.code(403).send("This form belongs to another site.");
}
