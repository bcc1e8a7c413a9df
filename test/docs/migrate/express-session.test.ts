import { createServer, type RequestListener } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";

const require = createRequire(import.meta.url);

test("the application of docs/migrate/express-session.md counts visits and logs out", async () => {
  const server = createServer(require("./express-session.cjs") as RequestListener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const first = await fetch(origin);
  const cookie = first.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  expect([await first.text(), cookie.split("=")[0]]).toEqual(["You have been here 1 times.", "connect.sid"]);
  const again = (): Promise<string> => fetch(origin, { headers: { cookie } }).then((answer) => answer.text());
  expect(await again()).toBe("You have been here 2 times.");
  const out = await fetch(`${origin}/logout`, { method: "POST", headers: { cookie }, redirect: "manual" });
  expect([out.status, out.headers.get("location")]).toEqual([302, "/"]);
  expect(await again()).toBe("You have been here 1 times.");
});
