import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { Elysia, t } from "elysia";
import { type AnyStore, parseSessionId, type Session, SessionManager } from "holdfast";
import { elysiaSessions } from "holdfast/adapters/elysia";
import { goods } from "../shop/goods.ts";
import { devicesPage, type Frame, shopPage, signInPage, tidePageEnd, tidePageStart } from "../shop/pages.ts";
import { assets, CACHE_CONTROL, frameOf, isForeign, type ShopData, without } from "../shop/rules.ts";
import { askHarbourMaster } from "../shop/tides.ts";

const HTML = "text/html; charset=utf-8";

/** Makes the shop upon a store of sessions. */
export function createShop(store: AnyStore) {
  const manager = new SessionManager<ShopData>({ store, rotateEvery: "15m" });
  const sessions = elysiaSessions(manager, { only: (request) => !(new URL(request.url).pathname in assets) });
  const app = new Elysia()
    .onRequest(({ request, status }) => {
      const site = request.headers.get("sec-fetch-site") ?? undefined;
      if (isForeign(request.method, site)) return status(403, "This form belongs to another site.");
    })
    .use(files)
    .use(sessions)
    .use(front)
    .use(cart)
    .use(signing)
    .use(devices(manager));
  return { app, manager };

  /** The instances below are typed by the sessions that the outermost has. */
  function front(shop: Elysia<"", Shop>) {
    return shop
      .get("/", ({ session, request }) =>
        page(shopPage(frame(session, request), goods, session.data.cart ?? {}, session.data.hits ?? 0)),
      )
      .get("/tide", ({ session, request }) => {
        // A page that is sent in two parts. What was changed before the first one is saved before it leaves.
        session.increment("tides");
        const now = (): Frame => frame(session, request);
        return page(streamed(tidePage(now(), now)));
      })
      .post("/hit", ({ session }) => ({ hits: session.increment("hits") }))
      .get("/hits", ({ session }) => ({ hits: session.data.hits ?? 0 }))
      .post(
        "/slow-note",
        async ({ session, body }) => {
          // A request that takes its time, to be overtaken by a sign-out.
          session.data.note = body.note;
          await wait(400);
          return "Noted, if you are still here.";
        },
        { body: t.Object({ note: t.String() }) },
      );
  }
}

/** What the plugin gives to the instances of the shop. */
interface Shop {
  decorator: {};
  store: {};
  derive: { readonly session: Session<ShopData> };
  resolve: {};
}

function files(app: Elysia) {
  for (const [path, type] of Object.entries(assets)) {
    const content = readFileSync(new URL(`../shop${path}`, import.meta.url), "utf8");
    app.get(path, () => new Response(content, { headers: { "content-type": type } }));
  }
  return app;
}

function cart(shop: Elysia<"", Shop>) {
  const good = { body: t.Object({ good: t.String() }) };
  return shop
    .post(
      "/cart/add",
      ({ session, body, redirect, status }) => {
        const found = goods.find(({ id }) => id === body.good);
        if (found === undefined) return status(404, "No such thing.");
        // Exact, also when two tabs add at the same moment.
        session.update("cart", (cart = {}) => ({ ...cart, [found.id]: (cart[found.id] ?? 0) + 1 }));
        session.flash("notice", `${found.name} is in your cart.`);
        return redirect("/", 303);
      },
      good,
    )
    .post(
      "/cart/remove",
      ({ session, body, redirect }) => {
        session.update("cart", (cart = {}) => without(cart, body.good));
        return redirect("/", 303);
      },
      good,
    );
}

function signing(shop: Elysia<"", Shop>) {
  return shop
    .get("/sign-in", ({ session, request }) => page(signInPage(frame(session, request))))
    .post(
      "/sign-in",
      ({ session, body, redirect }) => {
        const name = body.name.trim().slice(0, 40);
        if (name === "") return redirect("/sign-in", 303);
        session.login(name, { methods: ["demo"] });
        session.flash(
          "notice",
          `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
        );
        return redirect("/", 303);
      },
      { body: t.Object({ name: t.String() }) },
    )
    .post("/sign-out", ({ session, redirect }) => {
      session.logout();
      return redirect("/", 303);
    });
}

function devices(manager: SessionManager<ShopData>) {
  return (shop: Elysia<"", Shop>) =>
    shop
      .get("/devices", async ({ session, request, redirect }) => {
        const { user, id } = session;
        if (user === null) return redirect("/sign-in", 303);
        return page(devicesPage(frame(session, request), await manager.sessionsOf(user), id));
      })
      .post(
        "/devices/end",
        async ({ session, body, redirect }) => {
          const id = parseSessionId(body.id);
          if (session.user === null || id === null) return redirect("/devices", 303);
          const ended = await manager.revoke(id, { user: session.user });
          session.flash(
            "notice",
            ended ? "That device is signed out." : "That device was signed out already.",
          );
          return redirect("/devices", 303);
        },
        { body: t.Object({ id: t.String() }) },
      )
      .post("/devices/end-others", async ({ session, redirect }) => {
        if (session.user === null) return redirect("/sign-in", 303);
        const count = await manager.revokeUser(session.user, { except: session.id });
        session.flash(
          "notice",
          count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
        );
        return redirect("/devices", 303);
      });
}

function frame(session: Session<ShopData>, request: Request): Frame {
  return frameOf(session, request.headers.get("cookie") ?? undefined);
}

function page(content: string | ReadableStream): Response {
  return new Response(content, { headers: { "content-type": HTML, "cache-control": CACHE_CONTROL } });
}

async function* tidePage(first: Frame, now: () => Frame): AsyncGenerator<string> {
  yield tidePageStart(first);
  const waters = await askHarbourMaster();
  yield tidePageEnd(now(), waters);
}

function streamed(pieces: AsyncGenerator<string>): ReadableStream {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}
