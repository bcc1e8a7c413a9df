/** What a person does in the shop, and sees there. */
import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { PATIENCE_MS } from "./chromium.ts";

export const ROPE = "Mooring line, 12 m";
export const LANTERN = "Storm lantern";

/** Waits until something on a page is as it should be. */
export function eventually<Value>(look: () => Value): ReturnType<typeof expect.poll<Value>> {
  return expect.poll(look, { timeout: PATIENCE_MS });
}

export async function signIn(page: Page, origin: string, name: string): Promise<void> {
  await page.goto(`${origin}/`);
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await eventually(() => userOn(page)).toBe(name);
}

export async function signOut(page: Page): Promise<void> {
  await page.locator("header").getByRole("button", { name: "Sign out" }).click();
  await page.locator("header").getByRole("link", { name: "Sign in" }).waitFor();
}

/** Puts a good into the cart, and waits until the page says that it is there. */
export async function add(page: Page, good: string): Promise<void> {
  const before = (await cartOn(page))[good] ?? 0;
  await addButton(page, good).click();
  await eventually(async () => (await cartOn(page))[good] ?? 0).toBeGreaterThan(before);
}

export function addButton(page: Page, good: string): Locator {
  return page.locator("article.good", { hasText: good }).getByRole("button", { name: "Add" });
}

/** How many there are of each good in the cart. */
export async function cartOn(page: Page): Promise<Readonly<Record<string, number>>> {
  const rows = await page.locator("aside tr", { has: page.getByRole("button") }).evaluateAll((rows) =>
    rows.map((row) => ({
      name: row.querySelector("button")?.getAttribute("aria-label")?.replace("Remove ", "") ?? "",
      count: Number.parseInt(row.textContent ?? "", 10),
    })),
  );
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

/** Who is aboard, by what the header says. */
export async function userOn(page: Page): Promise<string | undefined> {
  return (await page.locator("header strong").allInnerTexts())[0];
}

export async function noticesOn(page: Page): Promise<readonly string[]> {
  return await page.locator("p.notice").allInnerTexts();
}

/** Goes back as the button of the browser does: to the page as it was kept, or to the address again. */
export async function goBack(page: Page): Promise<void> {
  await page.goBack({ waitUntil: "commit" });
}
