import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { wsSessions } from "../../src/adapters/ws.ts";
import { MINUTE, type Rig, rigOf } from "./support/rig.ts";

let rig: Rig;
let server: Server;
afterEach(async () => {
  vi.restoreAllMocks();
  server.closeAllConnections();
  await new Promise((resolve) => void server.close(resolve));
  await rig.close();
});

async function started(): Promise<(cookie: string) => Promise<number | "open">> {
  rig = await rigOf();
  server = createServer();
  wsSessions(rig.manager).attach(new WebSocketServer({ server }));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return (cookie) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}`, { headers: { cookie } });
      socket.on("error", reject);
      socket.on("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
      socket.on("open", () => {
        socket.terminate();
        resolve("open");
      });
    });
}

test("a live connection is opened to the device alone, and a thief's is refused with 401 and nothing printed", async () => {
  const printed = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const connect = await started();
  const browser = await rig.boundBrowser();
  rig.clock.advance(MINUTE);
  const both = browser.jar.header(rig.origin) ?? "";
  expect(await connect(both)).toBe("open");
  expect(await connect(both.split("; ").find((one) => one.startsWith("__Host-Http-sid")) ?? "")).toBe(401);
  expect(rig.told()).toEqual(["registered", "session stolen!"]);
  expect(printed).not.toHaveBeenCalled();
});
