import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { add, eventually, ROPE, signIn, signOut, userOn } from "./acts.ts";
import type { Rig } from "./rig.ts";

/** How often a streamed page is opened, at most: on a busy machine it can be whole before anybody looked. */
const ATTEMPTS = 5;

/** What pages do by their scripts. */
export function scriptTests(rig: Rig): void {
  test("two tabs press the counter, 25 requests each that overlap: 50 in both", async () => {
    const context = await rig.device();
    const one = await context.newPage();
    await one.goto(`${rig.origin}/`);
    await add(one, ROPE);
    const other = await context.newPage();
    await other.goto(`${rig.origin}/`);
    await Promise.all([one, other].map((page) => page.getByRole("button", { name: "Hit 25 times" }).click()));
    for (const page of [one, other])
      await eventually(() => page.locator("#said").innerText()).toBe("All 25 were counted.");
    for (const page of [one, other]) {
      await page.reload();
      await eventually(() => page.locator("#hits").innerText()).toBe("50");
    }
  });

  test("a sign-out overtakes a slow request of another tab: the session stays gone", async () => {
    const context = await rig.device();
    const one = await context.newPage();
    await signIn(one, rig.origin, "Purser");
    const other = await context.newPage();
    await other.goto(`${rig.origin}/`);
    const before = await rig.stored();
    const sent = other.waitForRequest((request) => request.url().endsWith("/slow-note"));
    const noted = other.evaluate(async () => {
      const answer = await fetch("/slow-note", {
        method: "POST",
        body: new URLSearchParams({ note: "too late" }),
      });
      return await answer.text();
    });
    await sent;
    // Once the page came again, the slow request is surely being served.
    await one.reload();
    await signOut(one);
    await noted;
    expect(await rig.stored()).toBe(before - 1);
    expect(await context.cookies()).toEqual([]);
    await other.reload();
    expect(await userOn(other)).toBe(undefined);
  });

  test("the tide table is there in part while the rest is on its way", async () => {
    const page = await rig.tab();
    await signIn(page, rig.origin, "Pilot");
    await page.addInitScript(watchTides);
    let cameInParts = false;
    for (let attempt = 0; attempt < ATTEMPTS && !cameInParts; attempt += 1)
      cameInParts = await showsTidesInParts(page, rig.origin);
    expect(cameInParts).toBe(true);
    expect(await page.locator("ol.tide > li").allInnerTexts()).toEqual(
      Array.from({ length: 4 }, () => expect.stringMatching(/^(High|Low) water \d\d:\d\d$/)),
    );
    expect(await page.getByText("Asking the harbour master").isVisible()).toBe(false);
  });

  test("a look at the tide table counts once, also where scripts take over what the server sent", async () => {
    const page = await rig.tab();
    await signIn(page, rig.origin, "Navigator");
    const session = await page.locator("footer code").first().innerText();
    // Where the scripts are quicker than the stream, what was streamed stays beside what they drew, hidden.
    const written = page.getByText("Written for Navigator.").filter({ visible: true });
    await page.goto(`${rig.origin}/tide`);
    await written.waitFor();
    await page.getByRole("link", { name: "The Chandlery" }).click();
    await page.getByRole("heading", { name: "Goods" }).waitFor();
    await page.getByRole("link", { name: "Tide table" }).click();
    await written.waitFor();
    // Where a framework can change nothing before the first byte of such a page, nothing is counted.
    expect(["2", undefined]).toContain(await rig.field(session, "tides"));
  });
}

/** Opens the page, and waits for all of it. Tells whether the beginning was to be seen while the rest was not. */
async function showsTidesInParts(page: Page, origin: string): Promise<boolean> {
  await page.goto(`${origin}/tide`, { waitUntil: "commit" });
  await page.getByText("Written for Pilot.").filter({ visible: true }).waitFor();
  return (await page.evaluate(async () => await (window as Watching).cameInParts)) ?? false;
}

interface Watching extends Window {
  cameInParts?: Promise<boolean>;
}

/**
 * Runs in each page, before anything else does. As soon as the beginning is to be seen without the rest, it asks the server
 * for something else; the rest has to be missing still when that is there. Looking from outside would be too slow.
 */
function watchTides(): void {
  const sees = (text: string): boolean =>
    [...document.querySelectorAll("p")].some(
      (line) => line.checkVisibility() && (line.textContent ?? "").startsWith(text),
    );
  const isInParts = (): boolean => sees("Asking the harbour master") && !sees("Written for");
  const watching: Watching = window;
  watching.cameInParts = new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!isInParts()) return;
      observer.disconnect();
      resolve(fetch("/hits").then(isInParts));
    });
    observer.observe(document, { childList: true, subtree: true });
    addEventListener("load", () => resolve(false));
  });
}
