import { isDeepStrictEqual } from "node:util";
import { goods } from "../goods.ts";
import type { OpenShop } from "./open-shop.ts";
import type { Page } from "./page.ts";
import type { Report } from "./report.ts";
import { stored } from "./stored.ts";
import { readTides } from "./tides.ts";
import { Visitor } from "./visitor.ts";

/** Names as browsers give them, for frameworks treat what looks like a robot in another way. */
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
const CHROME =
  "Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36";
const SAFARI =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";

const ROPE = "Mooring line, 12 m";
const ANCHOR = "Anchor, 4 kg";
const NOTHING_STORED = "Empty, and nothing is stored of you.";
const EVIL = "https://evil.example";

/** What every part of the walk is given. */
interface Walk {
  readonly shop: OpenShop;
  readonly report: Report;
  /** How many sessions are in the store, besides those that were there before; `null` where nobody outside can count them. */
  readonly newSessions: (() => Promise<number>) | null;
  /** The visitor who goes all the way. */
  readonly firefox: Visitor;
}

/**
 * Walks through an open shop, from an anonymous visit to the sign-out. Rejects where a page lacks what the next step needs.
 *
 * @param store the URL of its sessions, which are counted there; `null` where nobody outside can.
 */
export async function walk(shop: OpenShop, store: string | null, report: Report): Promise<void> {
  const newSessions = store === null ? null : await counter(store);
  const steps = { shop, report, newSessions, firefox: new Visitor(shop, FIREFOX) };
  await lookAround(steps);
  await fillTheCart(steps);
  await count(steps);
  await signIn(steps);
  await readTheTides(steps);
  await useOtherDevices(steps);
  await refuseForeigners(steps);
  await survive(steps);
  await signOut(steps);
}

async function counter(store: string): Promise<() => Promise<number>> {
  // A store that is not the shop's alone may hold others' sessions.
  const others = await stored(store);
  return async () => (await stored(store)) - others;
}

/** Expects so many new sessions in the store. */
async function expectStored({ report, newSessions }: Walk, count: number, promise: string): Promise<void> {
  if (newSessions === null) report.pass(promise, "nobody outside can count these sessions");
  else report.expect((await newSessions()) === count, promise);
}

async function lookAround(steps: Walk): Promise<void> {
  const { report, firefox } = steps;
  const page = await firefox.open("/");
  const isWhole = page.title === "The Chandlery" && goods.every(({ name }) => page.has("Add", name));
  report.expect(
    page.status === 200 && isWhole,
    "the front page has all goods, each with its button",
    page.text,
  );
  report.expect(
    isDeepStrictEqual(page.headings, ["Goods", "Your cart", "Counter"]),
    "… and its three parts",
    page.headings,
  );
  report.expect(
    page.text.includes(NOTHING_STORED) && firefox.cookie === "",
    "anonymous visit: a page, and no cookie",
    firefox.cookie,
  );
  const lost = await firefox.open("/no-such-page");
  report.expect(
    lost.status === 404 && firefox.cookie === "",
    "a page that is not there: 404, and no cookie",
    [lost.status, firefox.cookie],
  );
  const devices = await firefox.open("/devices");
  report.expect(
    devices.path === "/sign-in" && devices.headings.includes("Sign in"),
    "the devices of nobody: first sign in",
    devices.url,
  );
  await expectStored(steps, 0, "… and nothing in the store of sessions");
}

async function fillTheCart(steps: Walk): Promise<void> {
  const { report, firefox } = steps;
  const empty = await firefox.open("/");
  const page = await firefox.press(empty, "Add", { near: ROPE });
  const [post, get] = page.hops;
  report.expect(
    /^__Host-Http-sid=[\w-]{56}$/.test(firefox.cookie),
    "first thing in the cart: one cookie, __Host-Http-sid",
    firefox.cookie,
  );
  report.expect(
    post?.method === "POST" &&
      post.status >= 300 &&
      post.setCookies.join() === firefox.cookie &&
      get?.method === "GET",
    "… set by the redirect after the post",
    page.hops,
  );
  report.expect(
    page.cart.get(ROPE) === 1 && isDeepStrictEqual(page.notices, [`${ROPE} is in your cart.`]),
    "… and the page after it knows the cart, and says so",
    page.text,
  );
  await expectStored(steps, 1, "… one session is in the store");
  const again = await firefox.open("/");
  report.expect(
    again.notices.length === 0,
    "the message was shown once, and is not shown again",
    again.notices,
  );

  const names = [ANCHOR, "Storm lantern", "Hand compass", ROPE, ROPE];
  await Promise.all(names.map((near) => firefox.press(again, "Add", { near })));
  const cart = await firefox.open("/");
  report.expect(
    isDeepStrictEqual(
      [ROPE, ANCHOR, "Storm lantern", "Hand compass"].map((name) => cart.cart.get(name)),
      [3, 1, 1, 1],
    ) && cart.total === "€ 210.50",
    "five additions at the same time: all five are in the cart, and in its sum",
    [...cart.cart, cart.total],
  );

  await firefox.press(cart, "Add", { near: "Log book" });
  const twice = await firefox.press(cart, "Add", { near: "Log book" });
  report.expect(twice.cart.get("Log book") === 2, "the same form sent twice: two", [...twice.cart]);
  await Promise.all(Array.from({ length: 20 }, () => firefox.press(twice, "Add", { near: "Bosun’s call" })));
  const storm = await firefox.open("/");
  report.expect(storm.cart.get("Bosun’s call") === 20, "a storm of twenty additions that overlap: twenty", [
    ...storm.cart,
  ]);
  const without = await firefox.press(storm, "Remove Bosun’s call");
  report.expect(
    !without.cart.has("Bosun’s call") && without.cart.get(ROPE) === 3,
    "one good removed: all of it, and nothing else",
    [...without.cart],
  );
}

async function count({ report, firefox }: Walk): Promise<void> {
  await Promise.all(Array.from({ length: 50 }, () => firefox.call("/hit", { method: "POST" })));
  const seen = await hits(firefox);
  report.expect(seen === 50, "counter, two tabs with 25 overlapping requests each: 50", seen);
}

async function signIn({ shop, report, firefox }: Walk): Promise<void> {
  const before = firefox.cookie;
  const form = await firefox.open("/sign-in");
  const page = await firefox.press(form, "Sign in", { fill: { Name: "Skipper" } });
  report.expect(
    page.path === "/" &&
      page.user === "Skipper" &&
      (page.notices[0] ?? "").startsWith("Welcome aboard, Skipper."),
    "sign-in: a welcome",
    page.text,
  );
  report.expect(
    firefox.cookie !== before && page.hops[0]?.setCookies.join() === firefox.cookie,
    "… and another cookie",
  );
  report.expect(
    page.cart.get(ANCHOR) === 1 && (await hits(firefox)) === 50,
    "… the cart and the counter came along",
    [...page.cart],
  );
  const thief = new Visitor(shop, "curl/8.17.0");
  thief.jar.take([`${before}; Path=/; Secure; HttpOnly`], shop.origin);
  const stolen = await thief.open("/");
  report.expect(
    stolen.text.includes(NOTHING_STORED),
    "… and the cookie from before opens nothing",
    stolen.text,
  );
}

async function readTheTides({ shop, report, firefox }: Walk): Promise<void> {
  await readTides(firefox, report, "Skipper");
  await readTides(new Visitor(shop, CHROME), report, "a visitor");
}

async function useOtherDevices({ shop, report, firefox }: Walk): Promise<void> {
  const phone = new Visitor(shop, SAFARI);
  const tablet = new Visitor(shop, CHROME);
  for (const other of [phone, tablet]) {
    await other.press(await other.open("/sign-in"), "Sign in", { fill: { Name: "Skipper" } });
  }
  const page = await firefox.open("/devices");
  const named = ["Firefox 144 on Linux", "Safari 26 on iPhone", "Chrome 150 on Android"];
  report.expect(
    page.devices.length === 3 && named.every((name) => page.devices.some((line) => line.includes(name))),
    "your devices: three, by their names",
    page.devices,
  );
  const pages = await Promise.all(["/", "/devices", "/tide"].map((path) => firefox.open(path)));
  report.expect(
    pages.every(({ hops }) => hops.every(({ cacheControl }) => /\bno-store\b/.test(cacheControl))),
    "… and no browser keeps such pages, which the back button would show after the sign-out",
    pages.map(({ hops }) => hops),
  );
  const own = page.devices.filter((line) => line.includes("this one"));
  report.expect(
    own.length === 1 && own[0]?.includes("Firefox 144") === true && own[0].includes(page.sessionId ?? "?"),
    "… this one marked, by its id",
    page.devices,
  );
  const one = await firefox.press(page, "Sign out", { near: "Safari 26" });
  report.expect(
    isDeepStrictEqual(one.notices, ["That device is signed out."]) && one.devices.length === 2,
    "one of them signed out from here: it says so",
    one.text,
  );
  const out = await phone.open("/");
  report.expect(
    out.user === undefined && out.text.includes(NOTHING_STORED),
    "… and that one is out at once",
    out.text,
  );
  const again = await firefox.press(page, "Sign out", { near: "Safari 26" });
  report.expect(
    isDeepStrictEqual(again.notices, ["That device was signed out already."]),
    "… the same form sent again: it was out already",
    again.notices,
  );
  const alone = await firefox.press(again, "Sign out of all others");
  const stays = await firefox.open("/");
  report.expect(
    alone.devices.length === 1 && (await tablet.open("/")).user === undefined && stays.user === "Skipper",
    "all others signed out: only this one is left",
    alone.devices,
  );
}

async function refuseForeigners({ report, firefox }: Walk): Promise<void> {
  const page = await firefox.open("/");
  const cookie = firefox.cookie;
  await firefox.pressFrom(EVIL, page, "Add", { near: ROPE });
  await firefox.pressFrom(EVIL, page, "Sign out");
  await firefox.call("/hit", { method: "POST", from: EVIL });
  const after = await firefox.open("/");
  report.expect(
    isSame(page, after) && firefox.cookie === cookie && (await hits(firefox)) === 50,
    "forms and calls from another site change nothing",
    after.text,
  );
  const lost = await firefox.open("/no-such-page");
  const back = await firefox.open("/");
  report.expect(
    lost.status === 404 && isSame(page, back) && firefox.cookie === cookie,
    "a page that is not there: 404, and still signed in",
    [lost.status, back.text],
  );
}

async function survive({ shop, report, firefox }: Walk): Promise<void> {
  const before = await firefox.open("/");
  await shop.killAndOpenAgain();
  const after = await firefox.open("/");
  report.expect(
    isSame(before, after) && (await hits(firefox)) === 50,
    "server killed and started again: still signed in, the same cart, still 50",
    after.text,
  );
}

async function signOut({ report, newSessions, firefox }: Walk): Promise<void> {
  const countNow = async (): Promise<number | null> => (newSessions === null ? null : await newSessions());
  const before = await countNow();
  const oneLess = before === null ? null : before - 1;
  const note = await firefox.startCall("/slow-note", { method: "POST", form: { note: "too late" } });
  // Once two more requests are answered, which came after it, the slow one is surely being served.
  await hits(firefox);
  const tab = await firefox.open("/");
  const page = await firefox.press(tab, "Sign out");
  report.expect(
    page.user === undefined && page.text.includes(NOTHING_STORED),
    "sign-out: nobody is aboard",
    page.text,
  );
  await note.answer;
  report.expect(
    firefox.cookie === "" && (await countNow()) === oneLess,
    "… overtaking a slow request that writes: the session stays gone",
    [firefox.cookie, before, await countNow()],
  );
  const added = await firefox.press(tab, "Add", { near: ROPE });
  report.expect(
    added.user === undefined &&
      isDeepStrictEqual([...added.cart], [[ROPE, 1]]) &&
      (await hits(firefox)) === 0,
    "a form of a tab from before the sign-out: a visitor’s new cart, and nothing of Skipper’s",
    added.text,
  );
  const out = await firefox.press(tab, "Sign out");
  report.expect(
    out.user === undefined && firefox.cookie === "" && (await countNow()) === oneLess,
    "signed out again from that tab: no error, and nothing is left",
    out.text,
  );
}

/** Whether two pages are of the same session, and show the same. */
function isSame(one: Page, other: Page): boolean {
  return (
    one.sessionId !== undefined &&
    one.sessionId === other.sessionId &&
    one.user === other.user &&
    isDeepStrictEqual(one.cart, other.cart)
  );
}

async function hits(visitor: Visitor): Promise<number> {
  return (JSON.parse(await visitor.call("/hits")) as { hits: number }).hits;
}
