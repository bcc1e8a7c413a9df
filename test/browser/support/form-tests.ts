import type { BrowserContext, Page } from "playwright-core";
import { expect, test } from "vitest";
import {
  add,
  addButton,
  cartOn,
  eventually,
  goBack,
  LANTERN,
  noticesOn,
  ROPE,
  signIn,
  signOut,
  userOn,
} from "./acts.ts";
import type { Rig } from "./rig.ts";

const PHONE = "Linux; Android 16; K";

/** What holds with scripts and without them. */
export function formTests(rig: Rig, hasScript: boolean): void {
  // Users of one name would see each other's devices.
  const user = (name: string): string => `${name} ${hasScript ? "with" : "without"} scripts`;

  test("sign-in: a welcome that is shown once, and a cookie that no script can reach", async () => {
    const context = await rig.device({ hasScript });
    const page = await context.newPage();
    await page.goto(`${rig.origin}/`);
    expect(await context.cookies()).toEqual([]);
    await signIn(page, rig.origin, user("Skipper"));
    expect(await noticesOn(page)).toEqual([expect.stringMatching(/^Welcome aboard, Skipper/)]);
    const cookies = await context.cookies();
    expect(cookies).toHaveLength(1);
    expect(cookies[0]).toMatchObject({
      name: "__Host-Http-sid",
      domain: "localhost",
      path: "/",
      httpOnly: true,
      secure: true,
      sameSite: "Lax",
    });
    if (hasScript) expect(await page.evaluate(() => document.cookie)).toBe("");
    await page.reload();
    expect(await noticesOn(page)).toEqual([]);
  });

  test("two tabs fill one cart at the same time, and lose nothing", async () => {
    const [one, other] = await twoTabs(await rig.device({ hasScript }), rig.origin);
    for (let round = 0; round < 3; round += 1) await Promise.all([add(one, ROPE), add(other, LANTERN)]);
    for (const page of [one, other]) {
      await page.reload();
      // The first of each was there before.
      expect(await cartOn(page)).toEqual({ [ROPE]: 4, [LANTERN]: 3 });
    }
  });

  test("redirect after post: a reload sends nothing again", async () => {
    const page = await rig.tab({ hasScript });
    await page.goto(`${rig.origin}/`);
    await add(page, ROPE);
    const posts = postsOf(page);
    await page.reload();
    await addButton(page, ROPE).waitFor();
    expect(posts.sent).toBe(0);
    expect(await cartOn(page)).toEqual({ [ROPE]: 1 });
  });

  test("a form sent again after going back, and a button pressed twice: each time once more, and no error", async () => {
    const page = await rig.tab({ hasScript });
    await page.goto(`${rig.origin}/sign-in`);
    await page.goto(`${rig.origin}/`);
    await add(page, LANTERN);
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.getByLabel("Name").waitFor();
    await goBack(page);
    await addButton(page, LANTERN).click();
    await eventually(async () => await cartOn(page)).toEqual({ [LANTERN]: 2 });
    const posts = postsOf(page);
    await addButton(page, LANTERN).dblclick();
    await eventually(() => posts.sent > 0 && posts.open === 0).toBe(true);
    // A browser may take the first of two back before it was sent.
    await eventually(async () => (await cartOn(page))[LANTERN]).toBeGreaterThan(2);
    await page.goto(`${rig.origin}/`);
    expect((await cartOn(page))[LANTERN]).toBeLessThanOrEqual(2 + posts.sent);
  });

  test("the back button after the sign-out shows nothing of the user", async () => {
    const page = await rig.tab({ hasScript });
    await signIn(page, rig.origin, user("Gunner"));
    // Chromium counts the cookie that came with a page for that page's own, and may keep the welcome itself.
    await page.reload();
    await page.getByRole("link", { name: "Your devices" }).click();
    await page.getByRole("heading", { name: "Your devices" }).waitFor();
    await signOut(page);
    await goBack(page);
    // Whatever the address says: some frameworks leave that of the page that was asked for.
    await page.getByLabel("Name").waitFor();
    expect(await page.locator("body").innerText()).not.toContain("Gunner");
    // What comes before differs: some frameworks put the page that they redirect to beside the one that was asked for.
    for (let step = 0; step < 2; step += 1) {
      await goBack(page);
      await page.locator("header").getByRole("link", { name: "Sign in" }).waitFor();
      expect(await page.locator("body").innerText()).not.toContain("Gunner");
    }
  });

  test("signed out in one tab: the other acts as a visitor, and nothing comes back", async () => {
    const context = await rig.device({ hasScript });
    const [one, other] = await twoTabs(context, rig.origin);
    await signIn(one, rig.origin, user("Mate"));
    await other.reload();
    await eventually(() => userOn(other)).toBe(user("Mate"));
    const before = await rig.stored();
    await signOut(one);
    expect(await context.cookies()).toEqual([]);
    expect(await rig.stored()).toBe(before - 1);
    await addButton(other, LANTERN).click();
    await eventually(() => userOn(other)).toBe(undefined);
    await eventually(() => cartOn(other)).toEqual({ [LANTERN]: 1 });
    await one.reload();
    expect(await cartOn(one)).toEqual({ [LANTERN]: 1 });
    expect(await rig.stored()).toBe(before);
  });

  test("two devices: each sees both, and one signs the other out", async () => {
    const desktop = await rig.tab({ hasScript });
    const phone = await rig.tab({ hasScript, system: PHONE });
    for (const page of [phone, desktop]) await signIn(page, rig.origin, user("Captain"));
    await desktop.goto(`${rig.origin}/devices`);
    const devices = desktop.locator("ul.devices > li");
    await eventually(() => devices.count()).toBe(2);
    expect(await devices.filter({ hasText: "this one" }).innerText()).toMatch(/^Chrome \d+ on Linux/);
    await devices.filter({ hasText: "on Android" }).getByRole("button", { name: "Sign out" }).click();
    await eventually(() => noticesOn(desktop)).toEqual(["That device is signed out."]);
    await eventually(() => devices.count()).toBe(1);
    await phone.reload();
    await eventually(() => userOn(phone)).toBe(undefined);

    await signIn(phone, rig.origin, user("Captain"));
    await desktop.reload();
    await desktop.getByRole("button", { name: "Sign out of all others" }).click();
    await eventually(() => noticesOn(desktop)).toEqual(["One other device is signed out."]);
    await phone.reload();
    await eventually(() => userOn(phone)).toBe(undefined);
    expect(await userOn(desktop)).toBe(user("Captain"));
  });

  test("the server is killed and opened again: still signed in", async () => {
    const context = await rig.device({ hasScript });
    const page = await context.newPage();
    await signIn(page, rig.origin, user("Cook"));
    await add(page, ROPE);
    const before = await context.cookies();
    // The page would go on fetching, from a shop that is not there.
    await page.goto("about:blank");
    await rig.killAndOpenAgain();
    await page.goto(`${rig.origin}/`);
    expect(await userOn(page)).toBe(user("Cook"));
    expect(await cartOn(page)).toEqual({ [ROPE]: 1 });
    expect(await context.cookies()).toEqual(before);
  });
}

/** Two tabs of one browser that has something in its cart, so that both are of one session. */
async function twoTabs(context: BrowserContext, origin: string): Promise<readonly [Page, Page]> {
  const one = await context.newPage();
  await one.goto(`${origin}/`);
  await add(one, ROPE);
  const other = await context.newPage();
  await other.goto(`${origin}/`);
  return [one, other];
}

/** Counts the forms that a page sends from now on. */
function postsOf(page: Page): { readonly sent: number; readonly open: number } {
  const posts = { sent: 0, open: 0 };
  const isPost = (request: { method(): string }): boolean => request.method() === "POST";
  page.on("request", (request) => {
    if (!isPost(request)) return;
    posts.sent += 1;
    posts.open += 1;
  });
  for (const event of ["requestfinished", "requestfailed"] as const) {
    page.on(event as "requestfinished", (request) => {
      if (isPost(request)) posts.open -= 1;
    });
  }
  return posts;
}
