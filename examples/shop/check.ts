/**
 * `npm run demo -- --check`: opens the shop on a free port and walks through it as browsers would, with real cookies,
 * overlapping requests and a killed server. Says what it saw at each step; exits 0 when all was as promised, else 1.
 * With `--store` the sessions are where that URL says; with `--server` the shop is another framework's, such as
 * `examples/hono/server.ts`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve as resolvePath } from "node:path";
import { parseArgs } from "node:util";
import { SessionManager } from "holdfast";
import { openStore } from "holdfast/open-store";
import { type CookieJar, cookieJar } from "holdfast/testing";
import { storeOf } from "./store.ts";

const { values } = parseArgs({ options: { store: { type: "string" }, server: { type: "string" } } });
const folder = mkdtempSync(join(tmpdir(), "holdfast-shop-"));
const store = values.store ?? `file:${join(folder, "shop.db")}`;
const { shown } = storeOf(store);
interface Shop {
  readonly process: ChildProcess;
  readonly origin: string;
}
let shop: Shop;

/** One browser: a jar of cookies and a name that shows up in the list of devices. */
class Browser {
  readonly name: string;
  readonly jar: CookieJar = cookieJar();

  constructor(name: string) {
    this.name = name;
  }

  async get(path: string): Promise<string> {
    return await (await this.#send(path, {})).text();
  }

  /** Sends a form, and follows the answer as a browser does. Gives the page it ends on. */
  async post(path: string, form: Readonly<Record<string, string>> = {}): Promise<string> {
    const answer = await this.#send(path, { method: "POST", body: new URLSearchParams(form) });
    const location = answer.headers.get("location");
    return location === null ? await answer.text() : await this.get(location);
  }

  get cookie(): string {
    return this.jar.header(`${shop.origin}/`) ?? "";
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const url = new URL(path, shop.origin).href;
    const cookie = this.jar.header(url);
    const headers = { "user-agent": this.name, ...(cookie !== undefined && { cookie }) };
    const answer = await fetch(url, { ...init, headers, redirect: "manual" });
    this.jar.take(answer.headers.getSetCookie(), url);
    return answer;
  }
}

async function walk(): Promise<void> {
  // A store that is not the shop's alone may hold others' sessions.
  const others = await stored();
  const firefox = new Browser("Firefox/144 (X11; Linux)");
  const page = await firefox.get("/");
  expect(
    page.includes("nothing is stored of you") && firefox.cookie === "",
    "anonymous visit: a page, and no cookie",
  );
  expect((await stored()) === others, "… and nothing in the store of sessions");

  await firefox.post("/cart/add", { good: "rope" });
  expect(
    /^__Host-Http-sid=[\w-]{56}$/.test(firefox.cookie),
    "first thing in the cart: one cookie, __Host-Http-sid",
  );
  const notice = await firefox.get("/");
  expect(!notice.includes('class="notice"'), "the message about it was shown once, and is not shown again");

  await Promise.all(
    ["anchor", "lantern", "compass", "rope", "rope"].map((good) => firefox.post("/cart/add", { good })),
  );
  const cart = await firefox.get("/");
  expect(
    cart.includes("3 ×") && ["Anchor", "Storm lantern", "Hand compass"].every((name) => inCart(cart, name)),
    "five additions at the same time: all five are in the cart",
  );

  await Promise.all(Array.from({ length: 50 }, () => firefox.post("/hit")));
  expect((await hits(firefox)) === 50, "counter, two tabs with 25 overlapping requests each: 50");

  const before = firefox.cookie;
  const welcome = await firefox.post("/sign-in", { name: "Skipper" });
  expect(
    welcome.includes("Welcome aboard, Skipper") && firefox.cookie !== before,
    "sign-in: another cookie, and a welcome",
  );
  expect(inCart(await firefox.get("/"), "Anchor"), "… the cart came along");
  const thief = new Browser("curl/8");
  thief.jar.take([`${before}; Path=/; Secure; HttpOnly`], shop.origin);
  expect(
    (await thief.get("/")).includes("nothing is stored of you"),
    "… and the cookie from before opens nothing",
  );

  const phone = new Browser("Safari/26 (iPhone)");
  const tablet = new Browser("Chrome/150 (Android)");
  for (const other of [phone, tablet]) await other.post("/sign-in", { name: "Skipper" });
  const devices = await firefox.get("/devices");
  expect(devices.match(/<li>/g)?.length === 3, "your devices: three, this one marked");
  await firefox.post("/devices/end", { id: idOf(devices, "Safari 26") });
  expect(!(await phone.get("/")).includes("Skipper"), "one of them signed out from here: it is out at once");
  await firefox.post("/devices/end-others");
  expect(
    !(await tablet.get("/")).includes("Skipper") && (await firefox.get("/")).includes("Skipper"),
    "all others signed out: only this one is left",
  );

  shop.process.kill("SIGKILL");
  await ended(shop.process);
  shop = await open();
  expect(
    (await firefox.get("/")).includes("Skipper") && (await hits(firefox)) === 50,
    "server killed and started again: still signed in, still 50",
  );

  const slow = firefox.post("/slow-note", { note: "too late" });
  await firefox.post("/sign-out");
  await slow;
  expect(
    (await stored()) === others && firefox.cookie === "",
    "sign-out, overtaking a slow request that writes: the session stays gone",
  );
}

function expect(holds: boolean, what: string): void {
  console.log(`${holds ? "  ok  " : " FAIL "} ${what}`);
  if (!holds) process.exitCode = 1;
}

function inCart(page: string, name: string): boolean {
  return page.includes(`aria-label="Remove ${name}`);
}

function idOf(page: string, browser: string): string {
  const item = page.split("<li>").find((part) => part.includes(browser)) ?? "";
  return /name="id" value="([\w-]+)"/.exec(item)?.[1] ?? "";
}

async function hits(browser: Browser): Promise<number> {
  return (JSON.parse(await browser.get("/hits")) as { hits: number }).hits;
}

/** How many sessions the store holds, seen from another process than the shop's. */
async function stored(): Promise<number> {
  const manager = new SessionManager({ store: await openStore(store) });
  let count = 0;
  for await (const _session of manager.all()) count += 1;
  await manager.close();
  return count;
}

async function open(): Promise<Shop> {
  const script = resolvePath(values.server ?? join(import.meta.dirname, "server.ts"));
  const environment = { ...process.env, PORT: "0" };
  const child = spawn(process.execPath, [script, "--store", store], {
    env: environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const origin = await new Promise<string>((resolve, reject) => {
    let printed = "";
    child.stdout.on("data", (chunk: Buffer) => {
      printed += String(chunk);
      const found = /http:\/\/localhost:\d+/.exec(printed);
      if (found !== null) resolve(found[0]);
    });
    child.once("exit", (code) => reject(new Error(`The shop did not open: exit code ${code}.`)));
  });
  return { process: child, origin };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null)
    await new Promise((resolve) => child.once("exit", resolve));
}

try {
  shop = await open();
  console.log(`The Chandlery is open at ${shop.origin}; sessions are in ${shown}.\n`);
  await walk();
  shop.process.kill("SIGTERM");
  await ended(shop.process);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(process.exitCode === 1 ? "\nNot as promised." : "\nAll as promised.");
process.exit();
