import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { nodeSessions } from "../../src/adapters/node.ts";
import { bound } from "../../src/bound.ts";
import { nodeEndpoint } from "../../src/endpoint.ts";
import { SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { act } from "../bound/support/sites.ts";
import { withServers } from "../support/servers/programs.ts";
import { eventually } from "./support/acts.ts";
import { bindingDevice, certificate, startBindingChromium } from "./support/binding-chromium.ts";
import { newDevice } from "./support/chromium.ts";

const SESSION = "__Host-Http-sid";
const BOUND = "__Host-bound";

/** A site over TLS, and what its browser asks of the endpoint: of one host, or all hosts of a domain. */
async function siteOf(domain?: string) {
  const server = createServer({ key: certificate.key, cert: certificate.cert });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const origin = `https://${domain ?? "localhost"}:${(server.address() as AddressInfo).port}`;
  const shared = domain === undefined ? {} : { cookie: { domain } };
  const whole = domain === undefined ? {} : { origin, includeSite: true };
  // Browsers ask for the icon whenever they like.
  const device = bound({ exclude: ["/assets", "/favicon.ico"], grace: "3s", ...whole, ...shared });
  const manager = new SessionManager({ store: memoryStore(), extensions: [device], ...shared });
  const told: string[] = [];
  manager.on("extension", ({ what }) => void told.push(what));
  const asked: string[] = [];
  const sessions = nodeSessions(manager, { onError: () => undefined });
  const answer = nodeEndpoint(device.endpoint, (request: object) => sessions.of(request));
  const listener = sessions.wrap(async (request, response, session) => {
    const { method = "GET", url = "/" } = request;
    if (device.owns({ method, url })) {
      asked.push(`${url}${request.headers["secure-session-response"] === undefined ? "" : " with a proof"}`);
      return await answer(request, response);
    }
    // By a link too, so that a page need not have a form.
    const isLogin = url.startsWith("/login");
    const { status, headers, body } = act(isLogin ? "POST" : method, url, session, device);
    response.statusCode = status;
    for (const [name, value] of headers) response.appendHeader(name, value);
    response.end(body);
  });
  server.on("request", listener);
  const sockets: string[] = [];
  server.on("upgrade", (request, socket) => {
    sockets.push(request.headers.cookie ?? "");
    socket.destroy();
  });
  return {
    manager,
    told,
    asked,
    /** The cookies that WebSockets came with. None is let in. */
    sockets,
    origin,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
      await manager.close();
    },
  };
}

withServers(["chromium"], () => {
  describe("Chromium, which binds sessions to its device", { timeout: 90_000 }, () => {
    let chromium: Browser;
    let site: Awaited<ReturnType<typeof siteOf>>;
    let device: BrowserContext;
    let page: Page;
    /** The bound sessions that the browser made, as its developer tools are told. */
    let made: boolean[];

    beforeAll(async () => {
      chromium = await startBindingChromium();
    }, 60_000);
    afterAll(() => chromium.close());
    beforeEach(async () => {
      site = await siteOf();
      made = [];
      ({ device, page } = await bindingDevice(chromium, ({ succeeded }) => void made.push(succeeded)));
    });
    afterEach(async () => {
      await device.close();
      await site.close();
    });

    const names = async (): Promise<string[]> => (await device.cookies()).map(({ name }) => name).sort();
    const valueOf = async (name: string): Promise<string> =>
      (await device.cookies()).find((cookie) => cookie.name === name)?.value ?? "";
    const text = (): Promise<string | null> => page.locator("body").textContent();
    const post = (path: string): Promise<number> =>
      page.evaluate(async (url) => (await fetch(url, { method: "POST" })).status, path);
    const signedIn = async (): Promise<void> => {
      await page.goto(`${site.origin}/login`);
      await eventually(names).toEqual([SESSION, BOUND]);
      await eventually(() => made).toEqual([true]);
      expect(site.told).toEqual(["registered"]);
    };
    /** The bound cookie runs out. */
    const expire = async (): Promise<void> => {
      await device.clearCookies({ name: BOUND });
    };

    test("registers after the login, and fetches a fresh cookie before it asks for the next page", async () => {
      await signedIn();
      await expire();
      await page.goto(`${site.origin}/`);
      expect(await text()).toBe("ann");
      expect(site.asked).toEqual([
        "/dbsc/register with a proof",
        "/dbsc/refresh",
        "/dbsc/refresh with a proof",
      ]);
      const first = await valueOf(BOUND);
      await expire();
      await page.goto(`${site.origin}/`);
      expect(await text()).toBe("ann");
      // The answer to the refresh before brought the challenge.
      expect(site.asked.slice(3)).toEqual(["/dbsc/refresh with a proof"]);
      expect(await valueOf(BOUND)).not.toBe(first);
      expect(site.told).toEqual(["registered", "refreshed", "refreshed"]);
    });

    test("is taken for no thief by the redirect after the login, which may leave before the registration is done", async () => {
      await page.goto(`${site.origin}/login-and-go`);
      expect(await text()).toBe("ann");
      await eventually(() => made).toEqual([true]);
      await page.goto(`${site.origin}/`);
      expect([await text(), site.told]).toEqual(["ann", ["registered"]]);
    });

    test("holds what a page fetches back until there is a cookie, and does not for what is excluded", async () => {
      await signedIn();
      await expire();
      const picture = await page.evaluate(async () => (await fetch("/assets/logo")).status);
      expect([picture, site.told]).toEqual([200, ["registered"]]);
      const seen = await page.evaluate(
        async () => await Promise.all([1, 2, 3, 4].map(async () => await (await fetch("/")).text())),
      );
      expect(seen).toEqual(["ann", "ann", "ann", "ann"]);
      expect(site.told).toEqual(["registered", "refreshed"]);
    });

    test("holds WebSockets and streams of events back as well", async () => {
      await signedIn();
      await expire();
      await page.evaluate(async () => {
        const socket = new WebSocket(`wss://${location.host}/socket`);
        await new Promise((resolve) => socket.addEventListener("close", resolve));
      });
      expect(site.sockets.map((cookies) => cookies.includes(`${BOUND}=`))).toEqual([true]);
      await expire();
      await page.evaluate(async () => {
        const events = new EventSource("/events");
        await new Promise((resolve) => events.addEventListener("error", resolve));
        events.close();
      });
      expect(site.told).toEqual(["registered", "refreshed", "refreshed"]);
    });

    test("proves itself at once where something asks for it, and comes back to the same address", async () => {
      await signedIn();
      await page.goto(`${site.origin}/pay?since=${Date.now()}`);
      expect(await text()).toBe("paid");
      expect(site.told).toEqual(["registered", "refreshed"]);
    });

    test("keeps its session over changes of privilege, and registers anew at the next login", async () => {
      await signedIn();
      expect([await post("/reauthenticate"), await post("/rotate")]).toEqual([200, 200]);
      await expire();
      await page.goto(`${site.origin}/`);
      expect(await text()).toBe("ann");
      expect(await post("/login")).toBe(200);
      await eventually(() => made).toEqual([true, true]);
      expect(site.told).toEqual(["registered", "refreshed", "registered"]);
      await expire();
      await page.goto(`${site.origin}/`);
      expect(await text()).toBe("ann");
    });

    test("is rid of both cookies, and of its bound session, after a logout", async () => {
      await signedIn();
      expect(await post("/logout")).toBe(200);
      expect(await names()).toEqual([]);
      const asked = site.asked.length;
      await page.goto(`${site.origin}/`);
      expect([await text(), site.asked.length]).toEqual(["nobody", asked]);
    });

    test("binds a session to all hosts of the site, where they are in the scope", async () => {
      const shop = await siteOf("shop.example");
      await page.goto(`${shop.origin}/login`);
      await eventually(() => made).toEqual([true]);
      await device.clearCookies({ name: "__Secure-bound" });
      await page.goto(`${shop.origin.replace("//", "//www.")}/`);
      expect([await text(), shop.told]).toEqual(["ann", ["registered", "refreshed"]]);
      await shop.close();
    });

    test("gives nothing to another browser that has its session cookie", async () => {
      await signedIn();
      const thief = await newDevice(chromium, {});
      const cookies = (await device.cookies()).filter(({ name }) => name === SESSION);
      await thief.addCookies(cookies);
      await eventually(async () => (await (await thief.newPage()).goto(`${site.origin}/`))?.status()).toBe(
        401,
      );
      expect(site.told).toEqual(["registered", "session stolen"]);
      await page.goto(`${site.origin}/`);
      expect(await text()).toBe("nobody");
      await thief.close();
    });
  });
});
