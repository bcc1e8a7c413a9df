import assert from "node:assert/strict";

import { afterAll, beforeAll, describe, test } from "vitest";

import { holdResponse } from "../../../src/adapters/support/node-hold.ts";
import { type Handler, PROTOCOLS, type Response, type Rig, startRig } from "./hold-rig.ts";

const OF_THE_ANSWER = [
  ["Accept-Ranges", "bytes"],
  ["Cache-Control", "public, max-age=31536000"],
  ["Content-Disposition", "attachment"],
  ["Content-Encoding", "gzip"],
  ["Content-Language", "de"],
  ["Content-Location", "/1"],
  ["Content-Range", "bytes 0-2/3"],
  ["Content-Type", "application/json"],
  ["ETag", '"1"'],
  ["Expires", "Thu, 01 Jan 2099 00:00:00 GMT"],
  ["Last-Modified", "Thu, 01 Jan 2099 00:00:00 GMT"],
  ["Location", "/elsewhere"],
] as const;

function describeAnswer(response: Response): void {
  for (const [name, value] of OF_THE_ANSWER) response.setHeader(name, value);
}

for (const protocol of PROTOCOLS) {
  describe(`${protocol}, the answer to a failed commit`, () => {
    let rig: Rig;
    beforeAll(async () => {
      rig = await startRig({ protocol, framework: "bare node", compression: "no compression" });
    });
    afterAll(() => rig.close());

    /** The headers of an owner's failure answer that has but one of its own. */
    async function failureHeaders(handler: Handler): Promise<readonly string[]> {
      const renderFailure = () => ({ status: 503, headers: { "X-Failure": "1" }, body: "away\n" });
      const { run, exchange } = rig.plain(handler, { hooks: { renderFailure } });
      await run.started.promise;
      run.commit.reject(new Error("away"));
      const { status, headers, body } = await exchange.seen;
      assert.deepEqual([status, body.toString()], [503, "away\n"]);
      return headers.filter((line) => !/^(connection|keep-alive|date)/.test(line));
    }

    const own = ["content-length: 5", "x-failure: 1"];

    test("has no header that describes the dropped one, set before the hold or after", async () => {
      const before = await failureHeaders((_request, response, run) => {
        describeAnswer(response);
        holdResponse(response, run.hooks);
        response.end("abc");
      });
      assert.deepEqual(before, own);
      const after = await failureHeaders((_request, response, run) => {
        holdResponse(response, run.hooks);
        describeAnswer(response);
        response.end("abc");
      });
      assert.deepEqual(after, own);
    });

    test("keeps the headers set before the hold that say nothing of the dropped one", async () => {
      const headers = await failureHeaders((_request, response, run) => {
        response.setHeader("Strict-Transport-Security", "max-age=1");
        describeAnswer(response);
        holdResponse(response, run.hooks);
        response.end("abc");
      });
      assert.deepEqual(headers, [
        "content-length: 5",
        "strict-transport-security: max-age=1",
        "x-failure: 1",
      ]);
    });

    test("can be left to a framework, which finds the headers of before the hold as long as nothing started", async () => {
      const { exchange } = rig.plain((_request, response, run) => {
        response.setHeader("Strict-Transport-Security", "max-age=1");
        const hold = holdResponse(response, { ...run.hooks, start: () => undefined });
        response.setHeader("X-Inner", "1");
        describeAnswer(response);
        hold.takeBack();
        response.setHeader("X-Failure", "1");
        response.writeHead(503);
        hold.takeBack();
        response.end();
      });
      const { status, headers } = await exchange.seen;
      const sent = headers.filter((line) => /^(strict|x-|etag|location)/.test(line));
      assert.deepEqual([status, sent], [503, ["strict-transport-security: max-age=1", "x-failure: 1"]]);
    });
  });
}
