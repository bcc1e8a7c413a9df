import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** The widths that every page has to fit, in pixels. */
const WIDTHS = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } } as const;

/** Pictures of every station of a walk. */
export class Album {
  readonly #folder: string;
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Takes pictures of a page, as wide as a desktop's and as a phone's window, where nothing may stick out at the side. */
  async show(page: Page, station: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const number = String((this.#count += 1)).padStart(2, "0");
    for (const [name, size] of Object.entries(WIDTHS)) {
      await page.setViewportSize(size);
      const path = join(this.#folder, `${number}-${station}-${name}.png`);
      await page.screenshot({ path, fullPage: true, animations: "disabled" });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width, `${page.url()} in a window of ${size.width} pixels`).toBeLessThanOrEqual(size.width);
    }
    await page.setViewportSize(WIDTHS.desktop);
  }
}
