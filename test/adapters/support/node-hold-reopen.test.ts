import assert from "node:assert/strict";

import { afterAll, beforeAll, describe, test } from "vitest";

import { holdResponse } from "../../../src/adapters/support/node-hold.ts";
import { type Handler, PROTOCOLS, type Rig, type RunOptions, startRig } from "./hold-rig.ts";

for (const protocol of PROTOCOLS) {
  describe(`${protocol}, a response whose commit failed and is answered again`, () => {
    let rig: Rig;
    beforeAll(async () => {
      rig = await startRig({ protocol, framework: "bare node", compression: "no compression" });
    });
    afterAll(() => rig.close());

    /** What arrives when the commit of a handler's answer fails, and `again` answers in its place. */
    async function answered(handler: Handler, again: Handler, options: RunOptions = {}) {
      const { run, exchange } = rig.plain((request, response, run) => {
        let failed = false;
        holdResponse(response, {
          ...run.hooks,
          start: (status, how) => (failed ? undefined : run.hooks.start(status, how)),
          reopen: () => () => {
            failed = true;
            again(request, response, run);
          },
        });
        handler(request, response, run);
      }, options);
      await run.started.promise;
      run.commit.reject(new Error("away"));
      const { status, headers, body } = await exchange.seen;
      return { status, headers, body: body.toString(), run };
    }

    test("has the other answer's status and body, and no header that described the first", async () => {
      const { status, headers, body } = await answered(
        (_request, response) => {
          response.statusCode = 302;
          response.setHeader("Location", "/welcome");
          response.setHeader("X-Kept", "1");
          response.end("moved");
        },
        (_request, response) => {
          assert.deepEqual(
            [response.headersSent, response.writableEnded, response.statusCode],
            [false, false, 200],
          );
          response.statusCode = 500;
          response.end("sorry");
        },
      );
      assert.deepEqual([status, body], [500, "sorry"]);
      assert.equal(headers.includes("x-kept: 1"), true);
      assert.equal(
        headers.some((line) => line.startsWith("location")),
        false,
      );
    });

    test("drops what was written before the end, and tells who waits for it", async () => {
      const told: unknown[] = [];
      const { body } = await answered(
        (_request, response) => {
          response.write("one", (error) => told.push(error?.message));
          response.end("two");
        },
        (_request, response) => response.end("sorry"),
      );
      assert.equal(body, "sorry");
      assert.deepEqual(told, ["away"]);
    });

    test("is the hold's to answer while the application has not ended its own", async () => {
      let isAsked = false;
      const { status, body } = await answered(
        (_request, response) => response.write("one"),
        () => (isAsked = true),
      );
      assert.deepEqual([status, body, isAsked], [503, "Service Unavailable\n", false]);
    });

    test("outlives a destroy that followed the first end", async () => {
      const { status, body } = await answered(
        (request, response) => {
          response.end("one");
          if (protocol === "HTTP/1") request.socket.destroy();
        },
        (_request, response) => {
          response.statusCode = 500;
          response.end("sorry");
        },
      );
      assert.deepEqual([status, body], [500, "sorry"]);
    });
  });

  test(`${protocol}, a second end of a response that ends once brings nothing and breaks nothing`, async () => {
    const rig = await startRig({ protocol, framework: "bare node", compression: "no compression" });
    try {
      for (const start of [() => undefined, () => Promise.resolve()]) {
        const { exchange } = rig.plain((_request, response, run) => {
          holdResponse(response, { ...run.hooks, start, endsOnce: true });
          response.end("one");
          response.end("two");
        });
        assert.equal((await exchange.seen).body.toString(), "one");
      }
    } finally {
      await rig.close();
    }
  });
}

test("HTTP/1, an owner that waits after a writeHead hears of the first byte", async () => {
  const rig = await startRig({ protocol: "HTTP/1", framework: "bare node", compression: "no compression" });
  try {
    const heard: string[] = [];
    const { exchange } = rig.plain((_request, response, run) => {
      let go = (): void => undefined;
      holdResponse(response, {
        ...run.hooks,
        start: (status, how) => {
          heard.push(`${how} ${status}`);
          return new Promise((resolve) => {
            go = resolve;
          });
        },
        kept: () => {
          heard.push("kept");
          go();
        },
      });
      response.writeHead(201);
      heard.push("between");
      response.end("one");
    });
    const { status, body } = await exchange.seen;
    assert.deepEqual([status, body.toString()], [201, "one"]);
    assert.deepEqual(heard, ["explicit 201", "between", "kept"]);
  } finally {
    await rig.close();
  }
});
