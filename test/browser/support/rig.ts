import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { OpenShop } from "../../../examples/shop/check/open-shop.ts";
import { stored, storedField } from "../../../examples/shop/check/stored.ts";
import type { Running } from "../../examples/walk.ts";
import { demandBuild, ROOT } from "../../package/package-json.ts";
import { Album } from "./album.ts";
import { type Device, newDevice, startChromium } from "./chromium.ts";
import { troublesOf } from "./troubles.ts";

/** A shop that is open, and browsers to visit it with. */
export interface Rig {
  /** Where the shop is open now. */
  readonly origin: string;
  readonly album: Album;
  /** A browser with cookies of its own, until the test is over. No page of it may have had any trouble by then. */
  device(device?: Device): Promise<BrowserContext>;
  /** The only tab of such a browser. */
  tab(device?: Device): Promise<Page>;
  /** Kills the shop's process, and opens the shop again. */
  killAndOpenAgain(): Promise<void>;
  /** How many sessions are in the shop's store. */
  stored(): Promise<number>;
  /** What is in a field of a session in the shop's store, as text. */
  field(session: string, name: string): Promise<string | undefined>;
}

/** What is open as long as the suite runs. */
interface Opened {
  readonly folder: string;
  readonly store: string;
  readonly shop: OpenShop;
  readonly browser: Browser;
  readonly album: Album;
}

interface Visit {
  readonly context: BrowserContext;
  readonly troubles: readonly string[];
}

/** How long both may take to start, in milliseconds, on a machine that starts other things as well. */
const STARTING_MS = 60_000;

/** Opens the shop of a server, and Chromium, for the tests around the call. */
export function rigOf(server: string, running: Running): Rig {
  let opened: Opened;
  let visits: Visit[] = [];
  let hasFailed = false;

  beforeAll(async () => {
    demandBuild();
    opened = await open(server, running);
  }, STARTING_MS);

  afterEach(async ({ task }) => {
    const seen = visits;
    visits = [];
    if (task.result?.state === "fail") {
      hasFailed = true;
      await picture(seen, opened.folder, task.id);
    }
    for (const { context } of seen) await context.close();
    expect(seen.flatMap(({ troubles }) => troubles)).toEqual([]);
  });

  afterAll(async () => {
    await opened?.browser.close();
    await opened?.shop.close();
    if (opened === undefined) return;
    if (hasFailed) console.error(`Pictures of what was seen last are in ${opened.folder}.`);
    else await rm(opened.folder, { recursive: true, force: true });
  });

  async function device(device: Device = {}): Promise<BrowserContext> {
    const context = await newDevice(opened.browser, device);
    visits.push({ context, troubles: troublesOf(context) });
    return context;
  }

  return {
    get origin() {
      return opened.shop.origin;
    },
    get album() {
      return opened.album;
    },
    device,
    tab: async (wanted) => await (await device(wanted)).newPage(),
    killAndOpenAgain: async () => await opened.shop.killAndOpenAgain(),
    stored: async () => await stored(opened.store),
    field: async (session, name) => await storedField(opened.store, session, name),
  };
}

/** Opens both in a folder that is the suite's own. Pictures are kept where `HOLDFAST_SCREENSHOTS` says, and not taken otherwise. */
async function open(server: string, { runtime, cwd, env }: Running): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-browser-"));
  const store = `file:${join(folder, "shop.db")}`;
  const shop = await OpenShop.open({
    server: join(ROOT, server),
    store,
    cwd: join(ROOT, cwd ?? "."),
    ...(runtime !== undefined && { runtime }),
    ...(env !== undefined && { env }),
  });
  const browser = await startChromium().catch(async (error: unknown) => {
    await shop.close();
    throw error;
  });
  const kept = process.env["HOLDFAST_SCREENSHOTS"];
  const name = server.split("/").at(-2) ?? "shop";
  return { folder, store, shop, browser, album: new Album(kept === undefined ? kept : join(kept, name)) };
}

async function picture(visits: readonly Visit[], folder: string, test: string): Promise<void> {
  const pages = visits.flatMap(({ context }) => context.pages());
  for (const [index, page] of pages.entries()) {
    const path = join(folder, `failed-${test}-${index}.png`);
    // A page may be unable to be shown, which is the least trouble now.
    await page.screenshot({ path, timeout: 5000 }).catch(() => {});
  }
}
