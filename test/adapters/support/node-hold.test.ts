import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

import { afterAll, beforeAll, describe, test } from "vitest";

import type { Seen } from "./hold-clients.ts";
import { COMPRESSIONS, deferred, FRAMEWORKS, PROTOCOLS, type Rig, startRig, type World } from "./hold-rig.ts";
import { checkAbort, checkFailure, checkTransparent, SCENARIOS } from "./hold-scenarios.ts";

/** A cell that cannot say within this time how it ends, never ends. */
const CELL = { timeout: 5000 };

/**
 * Node 20 drops the repeated names of a raw header list once a header was set before, as Express does. Later versions,
 * and the hold on any version, keep them.
 */
function expectation(world: World, scenario: string): ((control: Seen) => Seen) | undefined {
  const old = process.versions.node.startsWith("20.");
  if (!old || scenario !== "writeHead with raw array") return undefined;
  if (world.framework === "bare node" || world.compression !== "no compression") return undefined;
  return (control) => ({ ...control, headers: [...control.headers, "set-cookie: a=1"].toSorted() });
}

for (const protocol of PROTOCOLS) {
  // Express cannot answer HTTP/2 at all: the controls below prove it, without a hold.
  for (const framework of protocol === "HTTP/1" ? FRAMEWORKS : FRAMEWORKS.slice(0, 1)) {
    for (const compression of COMPRESSIONS) {
      const world: World = { protocol, framework, compression };
      describe(`${protocol}, ${framework}, ${compression}`, () => {
        let rig: Rig;
        beforeAll(async () => {
          rig = await startRig(world);
        });
        afterAll(() => rig.close());
        for (const [name, handler] of Object.entries(SCENARIOS)) {
          test(name, CELL, () => checkTransparent(rig, handler, expectation(world, name)));
        }
        test("commit fails", CELL, () => checkFailure(rig));
        test("client aborts", CELL, () => checkAbort(rig));
      });
    }
  }
}

describe("controls: what is broken without a hold, and therefore no cell of the matrix", () => {
  for (const name of ["express4", "express"]) {
    test(`HTTP/2, ${name}, no hold: the process dies of a TypeError on the first request`, CELL, () => {
      const script = `
        const app = require(${JSON.stringify(name)})();
        app.use((request, response) => response.end("hello"));
        const http2 = require("node:http2");
        const server = http2.createServer(app).listen(0, "127.0.0.1", () => {
          const session = http2.connect("http://127.0.0.1:" + server.address().port);
          session.on("error", () => {});
          session.request({ ":path": "/" }).on("error", () => {}).on("response", () => process.exit(0));
        });`;
      const child = spawnSync(process.execPath, ["-e", script], {
        encoding: "utf8",
        cwd: import.meta.dirname,
      });
      assert.equal(child.status, 1);
      assert.match(child.stderr, /TypeError/);
    });
  }

  test(
    "HTTP/2, compression 1.7, no hold: write and end throw unless writeHead came first",
    CELL,
    async () => {
      const rig = await startRig({ protocol: "HTTP/2", framework: "bare node", compression: "1.7 outer" });
      const thrown = deferred<unknown>();
      rig.plain((_request, response) => {
        try {
          response.end("hello");
        } catch (error) {
          thrown.resolve(error);
          response.destroy();
        }
      });
      assert.match(String(await thrown.promise), /_implicitHeader is not a function/);
      await rig.close();
    },
  );

  test("compression 1.7, no hold: a flat list of raw headers is an error", CELL, async () => {
    const rig = await startRig({ protocol: "HTTP/1", framework: "bare node", compression: "1.7 outer" });
    const { exchange } = rig.plain((_request, response) => {
      response.writeHead(200, ["X-One", "1"] as never);
      response.end("hello");
    });
    assert.equal((await exchange.seen).status, 500);
    await rig.close();
  });
});
