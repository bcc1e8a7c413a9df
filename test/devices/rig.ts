import { expect } from "vitest";
import { type Device, devices, type DevicesOptions } from "../../src/devices.ts";
import { type Session, SessionManager, type SessionManagerOptions } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { cookieJar, faultyStore, gate, manualClock } from "../../src/testing/index.ts";
import { type Served, SITES } from "./sites.ts";

export const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
export const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

export interface Listing {
  readonly csrf: string;
  readonly fresh: boolean;
  readonly devices: Device[];
}

interface RigOptions extends DevicesOptions {
  readonly manager?: Partial<SessionManagerOptions<Record<never, never>, Session>>;
}

const PAGES = { devices: "/account", reauthenticate: "/prove", login: "/login-page" };

/** A site on one framework, and browsers that visit it. */
export async function rigOf(framework: string, { manager: settings, ...options }: RigOptions = {}) {
  const clock = manualClock();
  const faulty = faultyStore(memoryStore());
  const manager = new SessionManager({ store: faulty.store, clock, ...settings }) as SessionManager;
  const slow = gate();
  const { endpoint } = devices(manager, { pages: PAGES, ...options });
  const serve = SITES[framework];
  if (serve === undefined) throw new Error(`There is no site on ${framework}.`);
  const served: Served = await serve({
    manager,
    endpoint,
    act: async (url, session) => {
      if (url.pathname === "/login")
        session.login(url.searchParams.get("user") ?? "ann", { methods: ["pwd"] });
      if (url.pathname === "/again") session.reauthenticate();
      if (url.pathname === "/slow") {
        session.data["before"] = true;
        await slow.passage();
        session.data["after"] = true;
      }
      return session.user ?? "nobody";
    },
  });
  const visitor = (agent = FIREFOX): Visitor => new Visitor(served.origin, agent);
  const loggedIn = async (user = "ann", agent = FIREFOX): Promise<Visitor> => {
    const one = visitor(agent);
    expect(await (await one.post(`/login?user=${user}`)).text()).toBe(user);
    return one;
  };
  return { clock, faulty, manager, slow, visitor, loggedIn, close: () => served.close() };
}

export type DeviceRig = Awaited<ReturnType<typeof rigOf>>;

/** A browser: it keeps cookies, and follows nothing by itself. */
export class Visitor {
  readonly #jar = cookieJar();
  readonly #origin: string;
  readonly #agent: string;

  constructor(origin: string, agent: string) {
    this.#origin = origin;
    this.#agent = agent;
  }

  get cookies(): number {
    return this.#jar.cookies().length;
  }

  /** Who the site takes it for. */
  async user(): Promise<string> {
    return await (await this.send("/", {})).text();
  }

  async list(): Promise<Listing> {
    const answer = await this.send("/account/devices", {});
    expect(answer.status).toBe(200);
    return (await answer.json()) as Listing;
  }

  async handle(): Promise<string> {
    return (await this.list()).devices.find(({ current }) => current)?.handle ?? "";
  }

  async post(path: string): Promise<Response> {
    return await this.send(path, { method: "POST" });
  }

  /** As a script does. */
  async json(path: string, fields: Readonly<Record<string, unknown>>): Promise<Response> {
    return await this.send(`/account/devices${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(fields),
    });
  }

  /** As a browser without scripts does. */
  async form(path: string, fields: Readonly<Record<string, string>>): Promise<Response> {
    return await this.send(`/account/devices${path}`, {
      method: "POST",
      headers: { accept: "text/html,*/*;q=0.8" },
      body: new URLSearchParams(fields),
    });
  }

  async send(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("user-agent", this.#agent);
    const cookie = this.#jar.header(this.#origin);
    if (cookie !== undefined) headers.set("cookie", cookie);
    const answer = await fetch(this.#origin + path, { ...init, headers, redirect: "manual" });
    this.#jar.take(answer.headers.getSetCookie(), this.#origin);
    return answer;
  }
}
