import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** The widths that every page has to fit, in pixels. */
const WIDTHS = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } } as const;

/** Every station of a walk as it looks: measured, and kept as pictures where there is a folder for them. */
export class Album {
  readonly #folder: string | undefined;
  #count = 0;

  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** Shows a page as wide as a desktop's and as a phone's window, where nothing may stick out at the side. */
  async show(page: Page, station: string): Promise<void> {
    const number = String((this.#count += 1)).padStart(2, "0");
    for (const [name, size] of Object.entries(WIDTHS)) {
      await page.setViewportSize(size);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width, `${page.url()} in a window of ${size.width} pixels`).toBeLessThanOrEqual(size.width);
      await this.#keep(page, `${number}-${station}-${name}.png`);
    }
    await page.setViewportSize(WIDTHS.desktop);
  }

  async #keep(page: Page, name: string): Promise<void> {
    if (this.#folder === undefined) return;
    await mkdir(this.#folder, { recursive: true });
    await page.screenshot({ path: join(this.#folder, name), fullPage: true, animations: "disabled" });
  }
}
