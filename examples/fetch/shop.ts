/**
 * The shop of `examples/shop` as a function from `Request` to `Response`: what `examples/bun`, `examples/deno` and
 * `examples/workers` serve.
 */
import { setTimeout as wait } from "node:timers/promises";
import { type AnyStore, parseSessionId, type Session, SessionError, SessionManager } from "holdfast";
import { type FetchSessionsOptions, fetchSessions } from "holdfast/adapters/fetch";
import { goods } from "../shop/goods.ts";
import { devicesPage, type Frame, shopPage, signInPage, tidePageEnd, tidePageStart } from "../shop/pages.ts";
import { CACHE_CONTROL, frameOf, isForeign, type ShopData, without } from "../shop/rules.ts";
import { askHarbourMaster } from "../shop/tides.ts";

/** What the shop is made of besides its pages. */
export interface ShopOptions<Rest extends readonly unknown[]> {
  readonly store: AnyStore;
  /** What the runtime knows of a request: the client's address, and how to go on after the response. */
  readonly platform?: Pick<FetchSessionsOptions<Rest>, "clientAddress" | "waitUntil">;
}

export interface Shop<Rest extends readonly unknown[]> {
  fetch(request: Request, ...rest: Rest): Promise<Response>;
  readonly manager: SessionManager<ShopData>;
}

interface Visit {
  readonly request: Request;
  readonly session: Session<ShopData>;
}

type Handler = (visit: Visit) => Response | Promise<Response>;

/** Makes the shop upon a store of sessions. */
export function createShop<Rest extends readonly unknown[]>({
  store,
  platform = {},
}: ShopOptions<Rest>): Shop<Rest> {
  const manager = new SessionManager<ShopData>({ store, rotateEvery: "15m" });
  const sessions = fetchSessions<Session<ShopData>, Rest>(manager, platform);
  const routes = { ...pages, ...cart, ...signing, ...devicesOf(manager) };

  const handle = sessions.wrap(async (request, session, ..._rest: Rest) => {
    const { pathname } = new URL(request.url);
    const handler = routes[`${request.method} ${pathname}`];
    return handler === undefined ? text("No such page.", 404) : await handler({ request, session });
  });

  return {
    manager,
    async fetch(request, ...rest) {
      if (isForeign(request.method, request.headers.get("sec-fetch-site") ?? undefined)) {
        // Some servers cut a connection whose request nobody read, before the answer has arrived.
        await request.arrayBuffer();
        return text("This form belongs to another site.", 403);
      }
      try {
        return await handle(request, ...rest);
      } catch (error) {
        if (!SessionError.is(error)) console.error(error);
        // It may have to carry a header of the session's, such as the cookie's end.
        return sessions.carry(
          request,
          text("Something went wrong.", SessionError.is(error) ? error.status : 500),
        );
      }
    },
  };
}

const pages: Readonly<Record<string, Handler>> = {
  "GET /": (visit) => {
    const { data } = visit.session;
    return html(shopPage(frame(visit), goods, data.cart ?? {}, data.hits ?? 0));
  },

  "GET /sign-in": (visit) => html(signInPage(frame(visit))),

  "GET /tide": (visit) => {
    visit.session.increment("tides");
    const first = frame(visit);
    return html(
      streamed(async function* () {
        yield tidePageStart(first);
        const waters = await askHarbourMaster();
        yield tidePageEnd(frame(visit), waters);
      }),
    );
  },

  "POST /hit": ({ session }) => Response.json({ hits: session.increment("hits") }),
  "GET /hits": ({ session }) => Response.json({ hits: session.data.hits ?? 0 }),

  /** A request that takes its time, to be overtaken by a sign-out. */
  "POST /slow-note": async (visit) => {
    visit.session.data.note = await field(visit, "note");
    await wait(400);
    return text("Noted, if you are still here.");
  },
};

const cart: Readonly<Record<string, Handler>> = {
  "POST /cart/add": async (visit) => {
    const wanted = await field(visit, "good");
    const good = goods.find(({ id }) => id === wanted);
    if (good === undefined) return text("No such thing.", 404);
    // Exact, also when two tabs add at the same moment.
    visit.session.update("cart", (cart = {}) => ({ ...cart, [good.id]: (cart[good.id] ?? 0) + 1 }));
    visit.session.flash("notice", `${good.name} is in your cart.`);
    return seeOther("/");
  },

  "POST /cart/remove": async (visit) => {
    const gone = await field(visit, "good");
    visit.session.update("cart", (cart = {}) => without(cart, gone));
    return seeOther("/");
  },
};

const signing: Readonly<Record<string, Handler>> = {
  "POST /sign-in": async (visit) => {
    const name = (await field(visit, "name")).trim().slice(0, 40);
    if (name === "") return seeOther("/sign-in");
    visit.session.login(name, { methods: ["demo"] });
    visit.session.flash(
      "notice",
      `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
    );
    return seeOther("/");
  },

  "POST /sign-out": ({ session }) => {
    session.logout();
    return seeOther("/");
  },
};

function devicesOf(manager: SessionManager<ShopData>): Readonly<Record<string, Handler>> {
  return {
    "GET /devices": async (visit) => {
      const { user, id } = visit.session;
      if (user === null) return seeOther("/sign-in");
      return html(devicesPage(frame(visit), await manager.sessionsOf(user), id));
    },

    "POST /devices/end": async (visit) => {
      const { session } = visit;
      const id = parseSessionId(await field(visit, "id"));
      if (session.user === null || id === null) return seeOther("/devices");
      const ended = await manager.revoke(id, { user: session.user });
      session.flash("notice", ended ? "That device is signed out." : "That device was signed out already.");
      return seeOther("/devices");
    },

    "POST /devices/end-others": async ({ session }) => {
      if (session.user === null) return seeOther("/sign-in");
      const count = await manager.revokeUser(session.user, { except: session.id });
      session.flash(
        "notice",
        count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
      );
      return seeOther("/devices");
    },
  };
}

function frame({ request, session }: Visit): Frame {
  return frameOf(session, request.headers.get("cookie") ?? undefined);
}

async function field({ request }: Visit, name: string): Promise<string> {
  return new URLSearchParams(await request.text()).get(name) ?? "";
}

/** A body that is made piece by piece, while it is read. */
function streamed(pieces: () => AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const made = pieces();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await made.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
  });
}

function html(body: string | ReadableStream<Uint8Array>): Response {
  return new Response(body, {
    headers: { "content-type": "text/html; charset=utf-8", "cache-control": CACHE_CONTROL },
  });
}

function text(body: string, status = 200): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}

function seeOther(location: string): Response {
  return new Response(null, { status: 303, headers: { location } });
}
