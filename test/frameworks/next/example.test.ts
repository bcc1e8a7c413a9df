import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { browseShop } from "../../browser/support/browse-shop.ts";
import { walkThrough } from "../../examples/walk.ts";
import { runIn, type Served, serveIn, withProjects } from "../support/projects.ts";
import { Client } from "./next-client.ts";

const FOLDER = "examples/next";
const QUIET = { NEXT_TELEMETRY_DISABLED: "1" };

withProjects([FOLDER], () => {
  beforeAll(async () => {
    const { code, output } = await runIn(FOLDER, "npm", ["run", "build"], QUIET);
    expect(code, output).toBe(0);
  }, 300_000);

  test("the shop on Next is walked through by browsers as promised", { timeout: 180_000 }, () =>
    walkThrough("examples/next/server.ts", { env: QUIET }),
  );

  browseShop("examples/next/server.ts", { env: QUIET });

  test("two processes of `next start` share its sessions", { timeout: 60_000 }, () =>
    inFolder(async (folder) => {
      const [one, other] = await Promise.all([started(folder), started(folder)]);
      try {
        const client = new Client(one.origin);
        await client.send("/hit", { method: "POST" });
        const headers = { cookie: `__Host-Http-sid=${client.token}` };
        expect(await new Client(other.origin).text("/hits", { headers })).toBe('{"hits":1}');
      } finally {
        await Promise.all([one.close(), other.close()]);
      }
    }),
  );

  test(
    "a page that is fetched before anybody wants to see it leaves the notices for the one that is seen",
    {
      timeout: 60_000,
    },
    () =>
      inFolder(async (folder) => {
        const shop = await started(folder);
        try {
          const client = new Client(shop.origin);
          const front = await (await client.send("/")).text();
          const [, id = ""] = /name="(\$ACTION_ID_[^"]+)"/.exec(front) ?? [];
          const body = new FormData();
          body.append(id, "");
          body.append("good", "rope");
          const added = await client.send("/", { method: "POST", body, headers: { origin: shop.origin } });
          expect(added.status).toBe(303);
          for (const headers of [
            { rsc: "1", "next-router-prefetch": "1" },
            { rsc: "1", "next-router-prefetch": "1", "next-router-segment-prefetch": "/_tree" },
            { purpose: "prefetch" },
            { "sec-purpose": "prefetch;prerender" },
          ] as readonly Record<string, string>[]) {
            expect(await client.text("/", { headers })).not.toContain("is in your cart.");
          }
          expect(await client.text("/")).toContain("Mooring line, 12 m is in your cart.");
          expect(await client.text("/")).not.toContain("is in your cart.");
        } finally {
          await shop.close();
        }
      }),
  );

  test("it works in development", { timeout: 180_000 }, () =>
    inFolder(async (folder) => {
      const env = { ...QUIET, STORE: `file:${join(folder, "shop.db")}`, PORT: "0" };
      const shop = await serveIn(FOLDER, process.execPath, ["server.ts", "--dev"], env);
      try {
        const client = new Client(shop.origin);
        await client.send("/hit", { method: "POST" });
        expect(await client.text("/hits")).toBe('{"hits":1}');
        expect(await client.text("/")).toContain("Hit 25 times");
        expect(await client.text("/tide")).toMatch(/Written for\s+a visitor/);
      } finally {
        await shop.close();
      }
    }),
  );
});

function started(folder: string): Promise<Served> {
  const env = { ...QUIET, STORE: `file:${join(folder, "shop.db")}` };
  const next = "node_modules/next/dist/bin/next";
  return serveIn(FOLDER, process.execPath, [next, "start", "--port", "0", "--hostname", "127.0.0.1"], env);
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-next-shop-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
