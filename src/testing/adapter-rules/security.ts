import assert from "node:assert/strict";

import type { Route } from "../adapter-subject.ts";
import type { AdapterRule } from "./rule.ts";
import { group, rule } from "./rule.ts";
import {
  assertNoCookie,
  assertStatus,
  cookieOf,
  member,
  operations,
  ROUTES,
  show,
  visitor,
} from "./support.ts";

const STRANGERS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  "another site": [
    ["Origin", "https://evil.example"],
    ["Sec-Fetch-Site", "cross-site"],
  ],
  "another host of the same site": [
    ["Origin", "https://evil.example"],
    ["Sec-Fetch-Site", "same-site"],
  ],
  "an origin that is not the host's": [["Origin", "https://evil.example"]],
};

/** What a browser is told and refused so that neither a stranger's page nor the next person at it has the session. */
export const securityRules: readonly AdapterRule[] = group("security", [
  ...Object.entries(STRANGERS).map(([from, headers]) =>
    rule(
      `ASVS 3.5.1: a change that the page of ${from} asks for is refused with 403, unasked and unseen`,
      async (context) => {
        let ran = false;
        const pay: Route = (route) => {
          ran = true;
          route.session.set("paid", true);
          return route.send({ body: "paid" });
        };
        const app = await context.start({ ...ROUTES, "/pay": pay });
        const browser = await member(app);
        const before = operations(context).length;
        const reply = await browser.get("/pay", { method: "POST", headers });
        assertStatus(reply, 403);
        assertNoCookie(reply);
        assert.ok(!ran, "the handler ran");
        assert.equal(operations(context).length, before, "the store was asked");
        assert.equal((await show(browser)).data["paid"], undefined);
      },
    ),
  ),
  rule("ASVS 3.5.3: a link from another site still opens a page", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await member(app);
    const headers = [["Sec-Fetch-Site", "cross-site"]] as const;
    assertStatus(await browser.get("/show", { headers }), 200);
  }),
  rule(
    "ASVS 14.3.2: an answer about a user who is logged in is not stored, unless the application says so",
    async (context) => {
      const app = await context.start({
        ...ROUTES,
        "/own": (route) => {
          void route.session.user;
          return route.send({ headers: [["cache-control", "private, max-age=60"]], body: "own" });
        },
      });
      const browser = await member(app);
      assert.equal((await browser.get("/show")).header("cache-control"), "no-store");
      assert.equal((await browser.get("/own")).header("cache-control"), "private, max-age=60");
    },
  ),
  rule("ASVS 14.3.1: the answer to a user's logout has the browser forget the site", async (context) => {
    const app = await context.start(ROUTES);
    const browser = await member(app);
    const reply = await browser.get("/logout");
    assert.equal(cookieOf(reply).value, "");
    assert.equal(reply.header("clear-site-data"), '"cookies", "storage"');
    const other = await visitor(app);
    assert.equal((await other.get("/logout")).header("clear-site-data"), undefined, "nobody was logged in");
  }),
]);
