import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { programOf } from "../../support/servers/programs.ts";

/** How long anything on a page may take, in milliseconds, before it counts as not coming: machines are slow at times. */
export const PATIENCE_MS = 20_000;

const ARGS = [
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

/** Starts the system's Chromium without a window, with a new profile, and with whatever arguments it needs besides. */
export async function startChromium(further: readonly string[] = []): Promise<Browser> {
  const isRoot = process.getuid?.() === 0;
  const args = [...ARGS, ...further];
  return await chromium.launch({
    executablePath: programOf("chromium", "chromium"),
    args: isRoot ? [...args, "--no-sandbox"] : args,
    // People's browsers keep the pages that they left, to go back to.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
}

/** A browser of somebody's own, with its own cookies. */
export interface Device {
  /** What it says it runs on, such as `Linux; Android 16; K`. */
  readonly system?: string;
  readonly hasScript?: boolean;
}

export async function newDevice(browser: Browser, { system, hasScript }: Device): Promise<BrowserContext> {
  const version = browser.version().split(".")[0];
  const context = await browser.newContext({
    // Frameworks stream nothing to what looks like a robot, as headless browsers do by their name.
    userAgent: `Mozilla/5.0 (${system ?? "X11; Linux x86_64"}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0 Safari/537.36`,
    javaScriptEnabled: hasScript ?? true,
    viewport: { width: 1280, height: 900 },
  });
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}
