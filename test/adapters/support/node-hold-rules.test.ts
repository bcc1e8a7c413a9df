import assert from "node:assert/strict";
import { request as send } from "node:http";
import { connect as connectHttp2, type Http2ServerResponse } from "node:http2";
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";

import { afterAll, beforeAll, describe, test } from "vitest";

import { holdResponse } from "../../../src/adapters/support/node-hold.ts";
import { collect, parseHttp1 } from "./hold-clients.ts";
import {
  BODY,
  deferred,
  type Handler,
  largeStream,
  PROTOCOLS,
  type Response,
  type Rig,
  SESSION_COOKIE,
  startRig,
} from "./hold-rig.ts";
import { checkMemory, checkSharedArray, checkTransparent } from "./hold-scenarios.ts";

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
  return undefined;
}

/** Runs a handler under hold, hands over what it returned, commits, and gives what the client saw. */
async function commitAfter<T>(
  rig: Rig,
  handler: (response: Response) => T,
): Promise<{ result: T; body: string; status: number; complete: boolean }> {
  const result = deferred<T>();
  const { run, exchange } = rig.held((_request, response) => result.resolve(handler(response)));
  await run.started.promise;
  const value = await result.promise;
  run.commit.resolve();
  const seen = await exchange.seen;
  return { result: value, body: seen.body.toString(), status: seen.status, complete: seen.complete };
}

for (const protocol of PROTOCOLS) {
  describe(`${protocol}, any response`, () => {
    let rig: Rig;
    beforeAll(async () => {
      rig = await startRig({ protocol, framework: "bare node", compression: "no compression" });
    });
    afterAll(() => rig.close());
    const native = protocol === "HTTP/1" ? "ERR_HTTP_HEADERS_SENT" : "ERR_HTTP2_HEADERS_SENT";

    test("a start with nothing to wait for passes at once, in the same call", async () => {
      const facts = deferred<unknown[]>();
      const { exchange, run } = rig.held(
        (_request, response) => {
          response.writeHead(201, { "X-One": "1" });
          facts.resolve([
            response.headersSent,
            Object.hasOwn(response, "headersSent"),
            run.hold?.canSetHeaders,
          ]);
          response.end(BODY);
        },
        { hooks: { start: () => {} } },
      );
      assert.deepEqual(await facts.promise, [true, false, false]);
      const seen = await exchange.seen;
      assert.equal(seen.status, 201);
      assert.ok(seen.headers.includes("x-one: 1"));
      assert.equal(seen.body.toString(), BODY);
    });

    test("a start with nothing to wait for can set headers beside those of writeHead", async () => {
      const { exchange, run } = rig.held(
        (_request, response) => response.writeHead(200, { "Set-Cookie": "a=1" }).end(),
        {
          hooks: { start: () => run.hold?.appendHeader("Set-Cookie", "sid=1; Path=/") },
        },
      );
      const cookies = (await exchange.seen).headers.filter((line) => line.startsWith("set-cookie"));
      assert.deepEqual(cookies, ["set-cookie: a=1", SESSION_COOKIE]);
    });

    test("from the first held call the headers read as sent, and every setter refuses as Node does", async () => {
      const { result } = await commitAfter(rig, (response) => {
        response.write("x");
        const codes = [
          codeOf(() => response.setHeader("X-Late", "1")),
          codeOf(() => response.removeHeader("X-Late")),
          codeOf(() => response.appendHeader("X-Late", "1")),
          codeOf(() => response.writeHead(500)),
        ];
        const facts = [response.headersSent, response.writableEnded, response.finished];
        response.end();
        return { codes, facts };
      });
      assert.deepEqual(result, { codes: [native, native, native, native], facts: [true, false, false] });
    });

    test("after a held end the response reads as ended and as not finished", async () => {
      const { result } = await commitAfter(rig, (response) => {
        response.end("x");
        return [response.headersSent, response.writableEnded, response.finished, response.writableFinished];
      });
      assert.deepEqual(result, [true, true, true, false]);
    });

    test("the status is frozen when the application begins to answer", async () => {
      const { status } = await commitAfter(rig, (response) => {
        response.statusCode = 202;
        response.write("x");
        response.statusCode = 500;
        response.end();
      });
      assert.equal(status, 202);
    });

    test("what writeHead refuses is thrown where it is called, starts nothing and leaves no header behind", async () => {
      const codes = deferred<unknown[]>();
      const { exchange, run } = rig.held((_request, response) => {
        response.setHeader("X-Before", "1");
        const refused = [
          codeOf(() => response.writeHead(99)),
          codeOf(() => response.writeHead(200, ["X-Odd"] as never)),
          codeOf(() => response.writeHead(302, { "X-Before": "2", "X-Left": "1", "X-None": undefined })),
        ];
        codes.resolve([...refused, response.headersSent, run.hold?.started]);
        response.statusCode = 200;
        response.end();
      });
      const status = protocol === "HTTP/1" ? "ERR_HTTP_INVALID_STATUS_CODE" : "ERR_HTTP2_STATUS_INVALID";
      const value =
        protocol === "HTTP/1" ? "ERR_HTTP_INVALID_HEADER_VALUE" : "ERR_HTTP2_INVALID_HEADER_VALUE";
      assert.deepEqual(await codes.promise, [status, "ERR_INVALID_ARG_VALUE", value, false, false]);
      run.commit.resolve();
      const { headers } = await exchange.seen;
      assert.ok(headers.includes("x-before: 1"));
      assert.ok(!headers.some((line) => line.startsWith("x-left")));
    });

    test("a chunk that is no chunk, and an unknown encoding, are refused where they are written", async () => {
      const { result, body } = await commitAfter(rig, (response) => {
        response.write("a");
        const codes = [
          codeOf(() => response.write(null)),
          codeOf(() => response.write(7)),
          codeOf(() => response.end(7)),
          codeOf(() => response.write("x", "nonsense" as BufferEncoding)),
        ];
        response.end("b");
        return codes;
      });
      assert.deepEqual(result, [
        "ERR_STREAM_NULL_VALUES",
        "ERR_INVALID_ARG_TYPE",
        "ERR_INVALID_ARG_TYPE",
        "ERR_UNKNOWN_ENCODING",
      ]);
      assert.equal(body, "ab");
    });

    test("write returns true up to 1 MiB, then false, and drain is told once the commit is done", async () => {
      const drained = deferred<void>();
      const { result, body } = await commitAfter(rig, (response) => {
        const half = Buffer.alloc(512 * 1024, "x");
        const returned = [
          response.write(half),
          response.write(half),
          // HTTP/2 of Node 20 does not have it.
          Boolean(response.writableNeedDrain),
          response.write("x"),
        ];
        response.once("drain", () => {
          drained.resolve();
          response.end();
        });
        return [...returned, response.writableNeedDrain];
      });
      await drained.promise;
      assert.deepEqual(result, [true, true, false, false, true]);
      assert.equal(body.length, 1024 * 1024 + 1);
    });

    test("the callbacks of write and end run after the commit, in order", async () => {
      const order: string[] = [];
      const { run, exchange } = rig.held((_request, response) => {
        response.write("a", () => order.push("write"));
        response.write("b", "latin1", () => order.push("write encoded"));
        response.end("c", "utf8", () => order.push("end"));
      });
      await run.started.promise;
      await rig.turn();
      assert.deepEqual(order, []);
      run.commit.resolve();
      assert.equal((await exchange.seen).body.toString(), "abc");
      await run.closed.promise;
      assert.deepEqual(order, ["write", "write encoded", "end"]);
    });

    for (const [name, args] of Object.entries({ "end(callback)": [], "end(chunk, callback)": ["x"] })) {
      test(`${name} calls back once the response is finished`, async () => {
        const called = deferred<void>();
        await commitAfter(rig, (response) => response.end(...(args as []), () => called.resolve()));
        await called.promise;
      });
    }

    test("finish comes after the commit, and once", async () => {
      const events: string[] = [];
      const { run, exchange } = rig.held((_request, response) => {
        for (const name of ["prefinish", "finish"]) response.on(name, () => events.push(name));
        response.end("x");
      });
      await run.started.promise;
      await rig.turn();
      assert.deepEqual(events, []);
      run.commit.resolve();
      await exchange.seen;
      await run.closed.promise;
      assert.deepEqual(events, protocol === "HTTP/1" ? ["prefinish", "finish"] : ["finish"]);
    });

    test("a commit that fails refuses every callback and swallows what comes later, without an error", async () => {
      const failure = new Error("away");
      const refused: unknown[] = [];
      const responses = deferred<Response>();
      const { run, exchange } = rig.held((_request, response) => {
        response.write("a", (error) => refused.push(error));
        responses.resolve(response);
      });
      const response = await responses.promise;
      await run.started.promise;
      run.commit.reject(failure);
      await run.commit.promise.catch(() => turn());
      assert.equal(
        response.write("b", (error) => refused.push(error)),
        true,
      );
      response.flushHeaders();
      response.end("c", () => refused.push("end"));
      const seen = await exchange.seen;
      await run.closed.promise;
      assert.equal(seen.status, 503);
      assert.equal(seen.body.toString(), "Service Unavailable\n");
      assert.deepEqual(refused, [failure, failure, "end"]);
    });

    test("a commit that fails unpipes the source and lets it run dry", async () => {
      const source = largeStream();
      const ended = new Promise((resolve) => source.once("end", resolve));
      const { run, exchange } = rig.held((_request, response) => void source.pipe(response));
      await run.started.promise;
      await rig.turn();
      run.commit.reject(new Error("away"));
      assert.equal((await exchange.seen).status, 503);
      await ended;
    });

    test("a commit that fails puts the headers back to those at entry", async () => {
      const cookies = ["early=1"];
      const { run, exchange } = rig.plain((_request, response) => {
        response.setHeader("Strict-Transport-Security", "max-age=1");
        response.setHeader("Set-Cookie", cookies);
        holdResponse(response, run.hooks);
        response.appendHeader("Set-Cookie", "late=1");
        response.setHeader("ETag", '"1"');
        response.removeHeader("Strict-Transport-Security");
        response.writeHead(200, { "Content-Length": "3", "X-Late": "1" });
        response.end("abc");
      });
      await run.started.promise;
      run.commit.reject(new Error("away"));
      const { status, headers } = await exchange.seen;
      assert.equal(status, 503);
      assert.deepEqual(
        headers.filter((line) => !/^(connection|keep-alive)/.test(line)),
        [
          "cache-control: no-store",
          "content-length: 20",
          "content-type: text/plain; charset=utf-8",
          "set-cookie: early=1",
          "strict-transport-security: max-age=1",
        ],
      );
    });

    test("a commit that fails takes the trailers of the answer with it", async () => {
      const { run, exchange } = rig.held((_request, response) => {
        response.setHeader("Trailer", "X-Sum");
        response.write("a");
        response.addTrailers({ "X-Sum": "1" });
        response.end();
      });
      await run.started.promise;
      run.commit.reject(new Error("away"));
      const seen = await exchange.seen;
      assert.equal(seen.status, 503);
      // HTTP/2 keeps its trailers where nobody else can reach them: harmless, they describe nothing any more.
      assert.deepEqual(seen.trailers, protocol === "HTTP/1" ? [] : ["x-sum: 1"]);
    });

    test("a commit that fails lets those who wait for drain go on", async () => {
      const drained = deferred<void>();
      const { run, exchange } = rig.held((_request, response) => {
        response.write(Buffer.alloc(1024 * 1024 + 1));
        response.once("drain", () => drained.resolve());
      });
      await run.started.promise;
      run.commit.reject(new Error("away"));
      assert.equal((await exchange.seen).status, 503);
      await drained.promise;
    });

    test("after the commit writableNeedDrain tells the truth again", async () => {
      const need = deferred<unknown>();
      await commitAfter(rig, (response) => {
        response.write(Buffer.alloc(1024 * 1024 + 1), () =>
          need.resolve(Object.hasOwn(response, "writableNeedDrain")),
        );
        response.once("drain", () => response.end());
      });
      assert.equal(await need.promise, false);
    });

    test("late is called one at a time", async () => {
      const gates = [deferred<void>(), deferred<void>()];
      const called: number[] = [];
      const responses = deferred<Response>();
      const { run, exchange } = rig.held(
        (_request, response) => {
          response.write("x");
          response.once("close", () => responses.resolve(response));
          setImmediate(() => response.destroy());
        },
        {
          hooks: {
            start: () => {},
            late() {
              called.push(called.length);
              return gates[called.length - 1]?.promise;
            },
          },
        },
      );
      const response = await responses.promise;
      await exchange.seen;
      response.end("after the close");
      await rig.turn();
      assert.deepEqual(called, [0]);
      gates[0]?.resolve();
      await rig.turn();
      assert.deepEqual(called, [0, 1]);
      gates[1]?.resolve();
      await run.closed.promise;
    });

    test("a start that throws fails like one that rejects", async () => {
      const { exchange } = rig.held((_request, response) => response.end("x"), {
        hooks: {
          start() {
            throw Object.assign(new Error("conflict"), { status: 409 });
          },
        },
      });
      assert.equal((await exchange.seen).status, 409);
    });

    test("the owner renders the failure; one that Node refuses falls back to the plain one", async () => {
      const good = { status: 502, headers: { "X-Mine": "1" }, body: "mine" };
      const renderings = [
        [(): typeof good => good, 502],
        [
          (): typeof good => ({ ...good, body: "\n", headers: { "X-Mine": "a\r\nb" } }),
          protocol === "HTTP/1" ? 503 : 502,
        ],
        [
          (): typeof good => {
            throw new Error("no rendering");
          },
          503,
        ],
      ] as const;
      for (const [renderFailure, status] of renderings) {
        const start = (): Promise<void> => Promise.reject(new Error("away"));
        const { exchange } = rig.held((_request, response) => response.end("x"), {
          hooks: { start, renderFailure },
        });
        assert.equal((await exchange.seen).status, status);
      }
    });

    test("HEAD gets the headers, and a failure without a body", async () => {
      const handler: Handler = (_request, response) => response.setHeader("Content-Length", "5").end("hello");
      const plain = await rig.plain(handler, { method: "HEAD" }).exchange.seen;
      const { run, exchange } = rig.held(handler, { method: "HEAD" });
      await run.started.promise;
      run.commit.resolve();
      assert.deepEqual(await exchange.seen, {
        ...plain,
        headers: [...plain.headers, SESSION_COOKIE].toSorted(),
      });
      const failing = rig.held(handler, {
        method: "HEAD",
        hooks: { start: () => Promise.reject(new Error("away")) },
      });
      const failed = await failing.exchange.seen;
      assert.equal(failed.status, 503);
      assert.equal(failed.complete, true);
    });

    for (const status of [204, 304]) {
      test(`${status} stays without a body`, () =>
        checkTransparent(rig, (_request, response) => {
          response.statusCode = status;
          response.end();
        }));
    }

    test("informational responses go out before the commit and start nothing", async () => {
      const { run, exchange } = rig.held((_request, response) => {
        response.writeContinue();
        if (protocol === "HTTP/1") response.writeProcessing();
        response.writeEarlyHints({ link: "</a.css>; rel=preload; as=style" });
        run.log.push(`started ${run.hold?.started}`);
        setImmediate(() => response.end("x"));
      });
      await run.started.promise;
      run.commit.resolve();
      assert.deepEqual(
        (await exchange.seen).informational,
        protocol === "HTTP/1" ? [100, 102, 103] : [100, 103],
      );
      assert.deepEqual(run.log, ["started false", "start 200", "committed"]);
    });

    test("cork and uncork around held writes lose nothing", () =>
      checkTransparent(rig, (_request, response) => {
        response.cork();
        response.write("a");
        response.write("b");
        response.uncork();
        response.end("c");
      }));

    test("trailers arrive", () =>
      checkTransparent(rig, (_request, response) => {
        response.setHeader("Trailer", "X-Sum");
        response.write("a");
        response.addTrailers({ "X-Sum": "1" });
        response.end();
      }));

    test("a response destroyed while held closes, and its commit is finished", async () => {
      const { run, exchange } = rig.held((_request, response) => {
        response.write("x");
        response.destroy();
      });
      await run.closed.promise;
      run.commit.resolve();
      await rig.turn();
      assert.deepEqual([(await exchange.seen).status, run.log], [0, ["start 200", "committed"]]);
    });

    test("a response destroyed after a held end closes at once", async () => {
      const { run, exchange } = rig.held((_request, response) => {
        response.end("x");
        response.destroy();
      });
      await run.closed.promise;
      run.commit.resolve();
      assert.equal((await exchange.seen).status, 0);
    });

    test("late is called at the end of a response that started before, and the real end waits for it", async () => {
      const late = deferred<void>();
      const called = deferred<void>();
      const { run, exchange } = rig.held(
        (_request, response) => {
          response.write("a");
          response.end("b");
        },
        {
          hooks: {
            late() {
              called.resolve();
              return late.promise;
            },
          },
        },
      );
      run.commit.resolve();
      await called.promise;
      await rig.turn();
      const arrived = exchange.arrived();
      assert.ok(arrived > 0);
      late.reject(new Error("reported by the owner"));
      const seen = await exchange.seen;
      assert.equal(seen.body.toString(), "ab");
      assert.equal(seen.complete, true);
    });

    test("while late is under way the response reads as ended", async () => {
      const late = deferred<void>();
      const facts = deferred<unknown[]>();
      const { exchange } = rig.held(
        (_request, response) => {
          response.write("a");
          response.end("b");
          facts.resolve([response.writableEnded, response.finished, response.writableFinished]);
        },
        { hooks: { start: () => {}, late: () => late.promise } },
      );
      assert.deepEqual(await facts.promise, [true, true, false]);
      late.resolve();
      assert.equal((await exchange.seen).body.toString(), "ab");
    });

    test("late is not called when the end was the start", async () => {
      const { run, exchange } = rig.held((_request, response) => response.end("x"));
      run.commit.resolve();
      await exchange.seen;
      await run.closed.promise;
      assert.deepEqual(run.log, ["start 200", "committed"]);
    });

    test("late is called when a started response closes without an end", async () => {
      const called = deferred<void>();
      const { exchange } = rig.held(
        (_request, response) => {
          response.write("x");
          setImmediate(() => response.destroy());
        },
        { hooks: { start: () => {}, late: () => called.resolve() } },
      );
      await called.promise;
      await exchange.seen;
    });

    test("a response that closes without a write or an end is abandoned; an end after that still starts", async () => {
      const { run, exchange } = rig.held((_request, response) => {
        response.destroy();
        response.once("close", () => response.end("too late"));
      });
      await run.started.promise;
      run.commit.resolve();
      await exchange.seen;
      await rig.turn();
      assert.deepEqual(run.log, ["abandoned", "start 200", "committed"]);
    });

    test("one array that the application keeps for all responses is never written into", () =>
      checkSharedArray(rig));

    test("a hold put on a response that has started is only called late", async () => {
      const { run, exchange } = rig.plain((_request, response) => {
        response.write("a");
        run.hold = holdResponse(response, run.hooks);
        run.log.push(`can set headers: ${run.hold.canSetHeaders}`);
        response.end("b");
      });
      assert.equal((await exchange.seen).body.toString(), "ab");
      assert.deepEqual(run.log, ["can set headers: false", "late"]);
    });

    test("a second hold on a response commits after the first, and not at all when that failed", async () => {
      for (const fails of [false, true]) {
        const order: string[] = [];
        const { run, exchange } = rig.held((_request, response) => {
          holdResponse(response, {
            start: async () => void order.push("second"),
            late: () => {},
            abandoned: () => {},
            renderFailure: () => ({ status: 500, headers: {}, body: "not mine" }),
          });
          response.end("x");
        });
        await run.started.promise;
        order.push("first");
        if (fails) run.commit.reject(new Error("away"));
        else run.commit.resolve();
        assert.equal((await exchange.seen).status, fails ? 503 : 200);
        assert.deepEqual(order, fails ? ["first"] : ["first", "second"]);
      }
    });

    test("nothing else of the response is touched", async () => {
      const names = deferred<string[]>();
      const { exchange } = rig.held((_request, response) => {
        const before = new Set(Object.getOwnPropertyNames(Object.getPrototypeOf(response)));
        names.resolve(Object.getOwnPropertyNames(response).filter((name) => before.has(name)));
        response.destroy();
      });
      const touched = new Set(await names.promise);
      for (const name of ["statusCode", "headersSent", "setHeader", "setTimeout", "destroy", "emit"])
        assert.ok(!touched.has(name), name);
      await exchange.seen;
    });
  });
}

describe("HTTP/1 alone", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig({ protocol: "HTTP/1", framework: "bare node", compression: "no compression" });
  });
  afterAll(() => rig.close());

  test("CR and LF in a redirect throw in the handler, whose answer then goes out", async () => {
    const { run, exchange } = rig.held((_request, response) => {
      try {
        response.writeHead(302, { "Content-Length": "0", Location: "/a\r\nSet-Cookie: evil=1" });
      } catch (error) {
        response.statusCode = 400;
        response.end((error as NodeJS.ErrnoException).code);
      }
    });
    run.commit.resolve();
    const seen = await exchange.seen;
    assert.equal(seen.status, 400);
    assert.equal(seen.body.toString(), "ERR_INVALID_CHAR");
    assert.ok(!seen.headers.some((line) => /evil|location/.test(line)));
    assert.ok(seen.headers.includes("content-length: 16"));
  });

  test("a reason phrase goes out, is frozen, and is refused at once when it cannot be sent", async () => {
    const codes: unknown[] = [];
    const { run, exchange } = rig.held((_request, response) => {
      codes.push(codeOf(() => response.writeHead(200, "a\r\nb")));
      response.writeHead(200, "Fine");
      response.statusMessage = "Other";
      response.end();
    });
    const bytes = rawHeader(rig, run.id);
    run.commit.resolve();
    await exchange.seen;
    assert.deepEqual(codes.slice(0, 1), ["ERR_INVALID_CHAR"]);
    assert.match(await bytes, /^HTTP\/1.1 200 Fine\r\n/);
  });

  test("a failure goes out under its own reason phrase", async () => {
    const { run, exchange } = rig.held((_request, response) =>
      response.writeHead(201, "Made to measure").end(),
    );
    const bytes = rawHeader(rig, run.id);
    run.commit.reject(new Error("away"));
    await exchange.seen;
    assert.match(await bytes, /^HTTP\/1.1 503 Service Unavailable\r\n/);
  });

  test("the old name writeHeader is held as well", async () => {
    const { run, exchange } = rig.held((_request, response) => {
      (response as unknown as { writeHeader: Response["writeHead"] }).writeHeader(201);
      response.end("x");
    });
    assert.equal(await run.started.promise, 201);
    await rig.turn();
    assert.equal(exchange.arrived(), 0);
    run.commit.resolve();
    assert.equal((await exchange.seen).status, 201);
  });

  test("an invalid status is refused at the end that would send it, and starts nothing", async () => {
    const { run, exchange } = rig.held((_request, response) => {
      response.statusCode = 99;
      run.log.push(String(codeOf(() => response.end("x"))), String(response.headersSent));
      response.statusCode = 200;
      response.end("y");
    });
    run.commit.resolve();
    assert.equal((await exchange.seen).body.toString(), "y");
    assert.deepEqual(run.log.slice(0, 2), ["ERR_HTTP_INVALID_STATUS_CODE", "false"]);
  });

  test("a write after a held end is Node's own error, and the response arrives", async () => {
    const errors: unknown[] = [];
    const { result, body } = await commitAfter(rig, (response) => {
      response.on("error", (error: NodeJS.ErrnoException) => errors.push(error.code));
      response.end("x");
      return response.write("y", (error) => errors.push((error as NodeJS.ErrnoException).code));
    });
    assert.equal(result, false);
    assert.equal(body, "x");
    assert.deepEqual(errors, ["ERR_STREAM_WRITE_AFTER_END", "ERR_STREAM_WRITE_AFTER_END"]);
  });

  test("a second end with a chunk is Node's own error, one with a callback calls back", async () => {
    const errors: unknown[] = [];
    const called = deferred<void>();
    const { body } = await commitAfter(rig, (response) => {
      response.on("error", (error: NodeJS.ErrnoException) => errors.push(error.code));
      response.end("x");
      response.end("y");
      response.end(() => called.resolve());
    });
    await called.promise;
    assert.equal(body, "x");
    assert.deepEqual(errors, ["ERR_STREAM_WRITE_AFTER_END"]);
  });

  test("pipelined requests are answered in order, whichever commit is done first, and finish once", async () => {
    const runs = [0, 1].map(() =>
      rig.held(
        (_request, response, run) => {
          response.on("prefinish", () => run.log.push("prefinish"));
          response.end(`answer ${run.id}`);
        },
        // The real requests come by the pipeline below.
        { headers: { "x-run": "none" } },
      ),
    );
    await Promise.all(runs.map(({ exchange }) => exchange.seen));
    const [first, second] = runs.map(({ run }) => run);
    assert.ok(first && second);
    const socket = connect(rig.port, "127.0.0.1");
    const received = collect(socket);
    const line = (id: string, last: string): string =>
      `GET /held HTTP/1.1\r\nHost: test\r\nX-Run: ${id}\r\nConnection: ${last}\r\n\r\n`;
    socket.write(line(first.id, "keep-alive") + line(second.id, "close"));
    await Promise.all([first.started.promise, second.started.promise]);
    second.commit.resolve();
    await rig.turn();
    assert.equal(received.bytes().length, 0);
    first.commit.resolve();
    await received.closed;
    const one = parseHttp1(received.bytes());
    const two = parseHttp1(one.rest);
    assert.deepEqual(
      [one.body.toString(), two.body.toString()],
      [`answer ${first.id}`, `answer ${second.id}`],
    );
    assert.ok(one.headers.includes(SESSION_COOKIE) && two.headers.includes(SESSION_COOKIE));
    for (const run of [first, second])
      assert.equal(run.log.filter((entry) => entry === "prefinish").length, 1);
  });

  test("a response whose turn in the pipeline comes while its end is held does not finish early", async () => {
    const { run: first, exchange: one } = rig.plain((_request, response) => response.end("x"), {
      headers: { "x-run": "none" },
    });
    const { run: second, exchange: two } = rig.held(
      (_request, response, run) => {
        response.on("prefinish", () => run.log.push("prefinish"));
        response.end("held");
      },
      { headers: { "x-run": "none" } },
    );
    await Promise.all([one.seen, two.seen]);
    const gate = deferred<void>();
    Object.assign(first, {
      handler: (_: unknown, response: Response) => void gate.promise.then(() => response.end("first")),
    });
    const socket = connect(rig.port, "127.0.0.1");
    const received = collect(socket);
    const line = (path: string, id: string, last: string): string =>
      `GET ${path} HTTP/1.1\r\nHost: test\r\nX-Run: ${id}\r\nConnection: ${last}\r\n\r\n`;
    socket.write(line("/plain", first.id, "keep-alive") + line("/held", second.id, "close"));
    await second.started.promise;
    gate.resolve();
    await first.closed.promise;
    await rig.turn();
    assert.deepEqual(second.log, ["start 200"]);
    second.commit.resolve();
    await received.closed;
    assert.equal(parseHttp1(parseHttp1(received.bytes()).rest).body.toString(), "held");
    assert.deepEqual(second.log, ["start 200", "committed", "prefinish"]);
  });

  test("a connection that is kept alive serves the next request after a held one", async () => {
    const { run, exchange } = rig.held((_request, response) => response.end("x"));
    run.commit.resolve();
    await exchange.seen;
    const socket = connect(rig.port, "127.0.0.1");
    const received = collect(socket);
    socket.write(`GET /held HTTP/1.1\r\nHost: test\r\nX-Run: ${run.id}\r\n\r\n`);
    socket.write(`GET /held HTTP/1.1\r\nHost: test\r\nX-Run: ${run.id}\r\nConnection: close\r\n\r\n`);
    await received.closed;
    const one = parseHttp1(received.bytes());
    assert.equal(one.body.toString(), "x");
    assert.equal(parseHttp1(one.rest).body.toString(), "x");
  });

  test("Expect: 100-continue is answered before the commit", async () => {
    const { run, exchange } = rig.held(
      (request, response) => request.resume().on("end", () => response.end("x")),
      {
        headers: { Expect: "100-continue" },
      },
    );
    await run.started.promise;
    run.commit.resolve();
    const seen = await exchange.seen;
    assert.deepEqual([seen.informational, seen.status], [[100], 200]);
  });

  test("what Node refuses only when it sends becomes a 500, and no error that nobody catches", async () => {
    const rendered: unknown[] = [];
    const { run, exchange } = rig.held(
      (_request, response) => {
        // A trailer is announced, and the length given: Node finds out when it makes the header.
        response.writeHead(200, { Trailer: "X-Sum", "Content-Length": "1" });
        response.end("x");
      },
      {
        hooks: {
          renderFailure(error) {
            rendered.push((error as NodeJS.ErrnoException).code);
            return undefined;
          },
        },
      },
    );
    run.commit.resolve();
    assert.equal((await exchange.seen).status, 500);
    assert.deepEqual(rendered, ["ERR_HTTP_TRAILER_INVALID"]);
  });

  test("an upgrade never meets the hold", async () => {
    const upgrading = await startRig({
      protocol: "HTTP/1",
      framework: "bare node",
      compression: "no compression",
    });
    upgrading.server.on("upgrade", (_request, socket) => {
      socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n", () =>
        socket.destroy(),
      );
    });
    const client = send({ port: upgrading.port, headers: { Connection: "Upgrade", Upgrade: "test" } });
    const status = new Promise((resolve) =>
      client.once("upgrade", (response, socket) => {
        socket.destroy();
        resolve(response.statusCode);
      }),
    );
    client.end();
    assert.equal(await status, 101);
    await upgrading.close();
  });

  test("middleware that sets a header at the last moment, by wrapping writeHead, still can", async () => {
    const { run, exchange } = rig.held((_request, response) => {
      const { writeHead } = response;
      response.writeHead = function late(this: Response, ...args: [number]) {
        if (!this.hasHeader("X-Took")) this.setHeader("X-Took", "1");
        return writeHead.apply(this, args);
      };
      response.end("x");
    });
    run.commit.resolve();
    const { headers } = await exchange.seen;
    assert.ok(headers.includes("x-took: 1"));
    assert.ok(headers.includes("content-length: 1"));
    assert.ok(headers.includes(SESSION_COOKIE));
  });
});

describe("HTTP/2 alone", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig({ protocol: "HTTP/2", framework: "bare node", compression: "no compression" });
  });
  afterAll(() => rig.close());

  test("a write after a held end calls back with an error and resets the stream, after what was ended before", async () => {
    const errors: unknown[] = [];
    const { result, body, complete } = await commitAfter(rig, (response) => {
      response.end("x");
      return response.write("y", (error) => errors.push((error as NodeJS.ErrnoException).code));
    });
    assert.deepEqual([result, body, complete, errors], [false, "x", false, ["ERR_STREAM_WRITE_AFTER_END"]]);
  });

  test("a second end calls back and changes nothing", async () => {
    const called = deferred<void>();
    const { body } = await commitAfter(rig, (response) => {
      response.end("x");
      response.end("y", () => called.resolve());
    });
    await called.promise;
    assert.equal(body, "x");
  });

  test("what Node refuses only when it sends becomes a 500, and no error that nobody catches", async () => {
    const { run, exchange } = rig.held((_request, response) => {
      response.setHeader("Content-Type", ["a/a", "b/b"]);
      response.end("x");
    });
    run.commit.resolve();
    assert.equal((await exchange.seen).status, 500);
  });

  test("headers sent through res.stream go past the hold, which says so", async () => {
    const { run, exchange } = rig.held((_request, response) => {
      const { stream } = response as unknown as Http2ServerResponse;
      stream.respond({ ":status": 200 });
      run.log.push(`bypassed ${run.hold?.bypassed}`, `can set headers ${run.hold?.canSetHeaders}`);
      response.end("x");
    });
    assert.equal((await exchange.seen).body.toString(), "x");
    assert.deepEqual(run.log, ["bypassed true", "can set headers false", "late"]);
  });

  test("a push goes out while its response is held", async () => {
    const { run, exchange } = rig.held((_request, response) => {
      response.end("x");
    });
    run.commit.resolve();
    await exchange.seen;
    const pushing = rig.held(
      (_request, response) => {
        const compat = response as unknown as Http2ServerResponse;
        response.write("x");
        compat.createPushResponse({ ":path": "/pushed" }, (_error, push) => push.end("pushed"));
        response.end();
      },
      { headers: { "x-run": "none" } },
    );
    await pushing.exchange.seen;
    const session = connectHttp2(`http://127.0.0.1:${rig.port}`);
    const pushed = new Promise<string>((resolve) => {
      session.on("stream", (stream) => {
        let text = "";
        stream.setEncoding("utf8").on("data", (part: string) => (text += part));
        stream.on("end", () => resolve(text));
      });
    });
    const stream = session.request({ ":path": "/held", "x-run": pushing.run.id });
    stream.resume();
    assert.equal(await pushed, "pushed");
    pushing.run.commit.resolve();
    await new Promise((resolve) => stream.once("close", resolve));
    session.close();
  });
});

describe("memory", () => {
  test("a large stream into a held response stops at the limit, and goes on after the commit", async () => {
    const rig = await startRig({ protocol: "HTTP/1", framework: "bare node", compression: "no compression" });
    await checkMemory(rig);
    await rig.close();
  });
});

async function rawHeader(rig: Rig, id: string): Promise<string> {
  const socket = connect(rig.port, "127.0.0.1");
  const received = collect(socket);
  socket.write(`GET /held HTTP/1.1\r\nHost: test\r\nX-Run: ${id}\r\nConnection: close\r\n\r\n`);
  await received.closed;
  return received.bytes().toString("latin1");
}
