import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { nodeSessions } from "../../src/adapters/node.ts";
import {
  bound,
  type BoundOptions,
  type ProviderKey,
  WELL_KNOWN_PATH,
  wellKnown,
  type WellKnownOptions,
} from "../../src/bound.ts";
import { nodeEndpoint } from "../../src/endpoint.ts";
import { type ExtensionEvent, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { act } from "../bound/support/sites.ts";
import { withServers } from "../support/servers/programs.ts";
import { eventually } from "./support/acts.ts";
import { bindingDevice, certificate, startBindingChromium } from "./support/binding-chromium.ts";

const closing: (() => unknown)[] = [];

interface Site {
  readonly origin: string;
  readonly events: ExtensionEvent[];
  /** The requests for the well-known file: their cookies. */
  readonly fetched: (string | undefined)[];
  /** What the well-known file says from now on. */
  publish(options: WellKnownOptions): void;
}

/** A site over TLS that answers for every host that leads to this machine. */
async function siteOf(
  host: string,
  optionsOf: (origin: string) => BoundOptions = () => ({}),
  domain?: string,
): Promise<Site> {
  const server = createServer({ key: certificate.key, cert: certificate.cert });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const origin = `https://${host}:${(server.address() as AddressInfo).port}`;
  const device = bound({ exclude: ["/favicon.ico"], ...optionsOf(origin) });
  const cookie = domain === undefined ? {} : { cookie: { domain } };
  // A browser that registered at a lower host refreshes there on behalf of the topmost: another origin of the same site.
  const csrf = { exempt: (request: { method: string; url: string }) => device.owns(request) };
  const manager = new SessionManager({ store: memoryStore(), extensions: [device], csrf, ...cookie });
  const [events, fetched]: [ExtensionEvent[], (string | undefined)[]] = [[], []];
  manager.on("extension", (event) => void events.push(event));
  const sessions = nodeSessions(manager, { onError: () => undefined });
  const answer = nodeEndpoint(device.endpoint, (request: object) => sessions.of(request));
  let published: WellKnownOptions | null = null;
  const listener = sessions.wrap(async (request, response, session) => {
    const { method = "GET", url = "/" } = request;
    if (device.owns({ method, url })) return await answer(request, response);
    if (url === "/vouch") return void response.end(JSON.stringify(await device.keyOf(session)));
    const isLogin = url.includes("login");
    const { status, headers, body } = act(isLogin ? "POST" : method, url, session, device);
    response.statusCode = status;
    for (const [name, value] of headers) response.appendHeader(name, value);
    response.end(body);
  });
  server.on("request", (request, response) => {
    if (request.url !== WELL_KNOWN_PATH || published === null) return void listener(request, response);
    fetched.push(request.headers.cookie);
    void nodeEndpoint(wellKnown(published), () => null)(request, response);
  });
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
    await manager.close();
  });
  return { origin, events, fetched, publish: (options) => void (published = options) };
}

withServers(["chromium"], () => {
  describe("Chromium, which shares keys between sites that agree", { timeout: 90_000 }, () => {
    let chromium: Browser;
    let device: BrowserContext;
    let page: Page;
    /** What became of each registration, as the developer tools are told. */
    let made: string[];

    beforeAll(async () => {
      chromium = await startBindingChromium("DeviceBoundSessionsFederatedRegistration");
    }, 60_000);
    afterAll(() => chromium.close());
    beforeEach(async () => {
      made = [];
      ({ device, page } = await bindingDevice(chromium, ({ result }) => void made.push(result)));
    });
    afterEach(async () => {
      await device.close();
      for (const close of closing.splice(0)) await close();
    });

    const text = async (): Promise<string> => (await page.locator("body").textContent()) ?? "";
    /** Logs in at the provider, which then vouches for the key. */
    const vouched = async (provider: Site): Promise<ProviderKey> => {
      await page.goto(`${provider.origin}/login`);
      await eventually(() => made).toEqual(["Success"]);
      await page.goto(`${provider.origin}/vouch`);
      return { ...(JSON.parse(await text()) as Omit<ProviderKey, "url">), url: provider.origin };
    };
    const loginBy = (shop: Site, provider: ProviderKey) =>
      page.goto(`${shop.origin}/federated-login?provider=${encodeURIComponent(JSON.stringify(provider))}`);

    test("binds the session of one to the key of the other, and goes on to prove it", async () => {
      const [provider, shop] = [await siteOf("id.example"), await siteOf("shop.example")];
      provider.publish({ relyingOrigins: [shop.origin] });
      shop.publish({ providerOrigin: provider.origin });
      const key = await vouched(provider);
      await loginBy(shop, key);
      await eventually(() => made).toEqual(["Success", "Success"]);
      expect(shop.events).toMatchObject([{ what: "registered", details: { federated: true } }]);
      expect([provider.fetched, shop.fetched]).toEqual([[undefined], [undefined]]);
      await page.goto(`${shop.origin}/vouch`);
      expect(JSON.parse(await text())).toMatchObject({ key: key.key });
      await device.clearCookies({ name: "__Host-bound", domain: "shop.example" });
      await page.goto(`${shop.origin}/`);
      expect([await text(), shop.events.map(({ what }) => what)]).toEqual([
        "ann",
        ["registered", "refreshed"],
      ]);
    });

    test("binds nothing without the word of either, or with another key", async () => {
      const [provider, shop] = [await siteOf("id.example"), await siteOf("shop.example")];
      const key = await vouched(provider);
      const attempt = async (of: ProviderKey): Promise<string | undefined> => {
        const before = made.length;
        await loginBy(shop, of);
        await eventually(() => made.length).toBe(before + 1);
        return made.at(-1);
      };
      expect(await attempt({ ...key, key: "A".repeat(43) })).toBe("FederatedKeyThumbprintMismatch");
      provider.publish({ relyingOrigins: ["https://other.example"] });
      shop.publish({ providerOrigin: "https://other.example" });
      expect(await attempt(key)).toBe("FederatedNotAuthorizedByProvider");
      expect(shop.events).toEqual([]);
    });

    test("binds nothing where the relying site names another provider", async () => {
      const [provider, shop] = [await siteOf("id.example"), await siteOf("shop.example")];
      provider.publish({ relyingOrigins: [shop.origin] });
      shop.publish({ providerOrigin: "https://other.example" });
      await loginBy(shop, await vouched(provider));
      await eventually(() => made).toEqual(["Success", "FederatedNotAuthorizedByRelyingParty"]);
      expect(shop.events).toEqual([]);
    });

    const lowerHost = (): Promise<Site> =>
      siteOf(
        "login.shop.example",
        (origin) => ({
          origin: origin.replace("login.", ""),
          includeSite: true,
          cookie: { domain: "shop.example" },
        }),
        "shop.example",
      );

    test("registers at a lower host for all of the site, where the topmost allows it", async () => {
      const site = await lowerHost();
      site.publish({ registeringOrigins: [site.origin] });
      await page.goto(`${site.origin}/login`);
      await eventually(() => made).toEqual(["Success"]);
      expect(site.fetched).toEqual([undefined]);
      await device.clearCookies({ name: "__Secure-bound" });
      await page.goto(`${site.origin.replace("login.", "www.")}/`);
      expect([await text(), site.events.map(({ what }) => what)]).toEqual([
        "ann",
        ["registered", "refreshed"],
      ]);
    });

    test("drops a session at a lower host that the topmost does not name, and keeps what it read for a while", async () => {
      const site = await lowerHost();
      const refused = "SubdomainRegistrationUnauthorized";
      site.publish({ registeringOrigins: ["https://other.shop.example"] });
      await page.goto(`${site.origin}/login`);
      await eventually(() => made).toEqual([refused]);
      site.publish({ registeringOrigins: [site.origin] });
      await page.goto(`${site.origin}/login`);
      await eventually(() => made).toEqual([refused, refused]);
      expect(site.fetched).toEqual([undefined]);
    });
  });
});
