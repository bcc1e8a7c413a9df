import { expect, test } from "vitest";
import { add, eventually, LANTERN, noticesOn, ROPE, signIn, signOut } from "./acts.ts";
import type { Rig } from "./rig.ts";

/** Every page as it looks, in the windows of a desktop and of a phone. */
export function stationTests(rig: Rig): void {
  test("every page fits a desktop and a phone, and the last one shows nothing of the session that is over", async () => {
    const page = await rig.tab();
    await page.goto(`${rig.origin}/`);
    await rig.album.show(page, "anonymous");
    await add(page, ROPE);
    await add(page, LANTERN);
    await rig.album.show(page, "cart");
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.getByLabel("Name").waitFor();
    await rig.album.show(page, "sign-in");
    await signIn(page, rig.origin, "Lieutenant Commander Bartholomew the 2nd");
    await rig.album.show(page, "welcome");
    await page.getByRole("link", { name: "Your devices" }).click();
    await page.getByRole("heading", { name: "Your devices" }).waitFor();
    await rig.album.show(page, "one-device");

    const phone = await rig.tab({ system: "iPhone; CPU iPhone OS 26_0 like Mac OS X" });
    await signIn(phone, rig.origin, "Lieutenant Commander Bartholomew the 2nd");
    await page.reload();
    await rig.album.show(page, "two-devices");
    await page.getByRole("button", { name: "Sign out of all others" }).click();
    await eventually(() => noticesOn(page)).toEqual(["One other device is signed out."]);
    await rig.album.show(page, "other-signed-out");
    await page.getByRole("link", { name: "Tide table" }).click();
    await page.getByText("Written for").filter({ visible: true }).waitFor();
    await rig.album.show(page, "tides");
    await page.getByRole("link", { name: "The Chandlery" }).click();
    await page.getByRole("heading", { name: "Goods" }).waitFor();
    await page.getByRole("button", { name: "Hit 25 times" }).click();
    await eventually(() => page.locator("#said").innerText()).toBe("All 25 were counted.");
    await rig.album.show(page, "counted");
    await signOut(page);
    // Some frameworks leave the page where it is, and put only the news into it.
    await eventually(() => page.locator("#hits").innerText()).toBe("0");
    expect(await page.locator("#said").innerText()).toBe("");
    await rig.album.show(page, "signed-out");
  });
}
