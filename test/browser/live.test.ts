import { describe, test } from "vitest";
import { withServers } from "../support/servers/programs.ts";
import { eventually, noticesOn, signIn, signOut } from "./support/acts.ts";
import { browseShop } from "./support/browse-shop.ts";
import { rigOf } from "./support/rig.ts";

const SERVER = "examples/live/server.ts";
const SIGNED_OUT = "You were signed out elsewhere. Look again";

browseShop(SERVER);

withServers(["chromium"], () => {
  describe("the live counter in Chromium", { timeout: 90_000 }, () => {
    const rig = rigOf(SERVER, {});

    test("shows in one tab what another counted, and every open tab learns of a sign-out in another", async () => {
      const device = await rig.device();
      const [one, other] = [await device.newPage(), await device.newPage()];
      await signIn(one, rig.origin, "Ann");
      await other.goto(`${rig.origin}/`);
      await one.getByRole("button", { name: "Hit 25 times" }).click();
      await eventually(() => other.locator("#hits").textContent()).toBe("25");
      await eventually(() => one.locator("#said").textContent()).toBe("All 25 were counted.");
      await signOut(one);
      await eventually(() => noticesOn(other)).toContain(SIGNED_OUT);
      await rig.album.show(other, "signed-out-elsewhere");
    });

    test("tells a device that another has signed it out", async () => {
      const [phone, desk] = [await rig.tab(), await rig.tab()];
      await signIn(phone, rig.origin, "Bob");
      await signIn(desk, rig.origin, "Bob");
      await desk.goto(`${rig.origin}/devices`);
      await desk.getByRole("button", { name: "Sign out of all others" }).click();
      await eventually(() => noticesOn(phone)).toContain(SIGNED_OUT);
    });
  });
});
