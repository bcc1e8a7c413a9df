import assert from "node:assert/strict";

import type { Seen } from "./hold-clients.ts";
import {
  BODY,
  type Handler,
  LARGE_BODY,
  largeStream,
  type Response,
  type Rig,
  type Run,
  SESSION_COOKIE,
} from "./hold-rig.ts";

function prepare(response: Response, run: Run): void {
  response.setHeader("Content-Type", "text/plain");
  response.setHeader("Set-Cookie", ["a=1", "b=2"]);
  if (run.headFirst) response.writeHead(200);
}

/** What applications do. Each is run without a hold and under one, and the client must not see a difference. */
export const SCENARIOS = {
  end(_request, response, run) {
    prepare(response, run);
    response.end(BODY);
  },
  "write then end"(_request, response, run) {
    prepare(response, run);
    response.write(BODY);
    response.write(Buffer.from("héllo"));
    response.write("68656c6c6f", "hex");
    response.end("the end");
  },
  "pipe of a large stream"(_request, response, run) {
    prepare(response, run);
    largeStream().pipe(response);
  },
  "writeHead with object"(_request, response) {
    response.setHeader("X-Before", "1");
    response.writeHead(201, { "Content-Type": "text/plain", "Set-Cookie": ["a=1", "b=2"], "X-After": "2" });
    response.end(BODY);
  },
  "writeHead with raw array"(_request, response, run) {
    const flat = ["Content-Type", "text/plain", "Set-Cookie", "a=1", "X-After", "2", "Set-Cookie", "b=2"];
    const pairs = [
      ["Content-Type", "text/plain"],
      ["Set-Cookie", ["a=1", "b=2"]],
    ];
    response.writeHead(201, (run.pairs ? pairs : flat) as never);
    response.end(BODY);
  },
  flushHeaders(_request, response, run) {
    prepare(response, run);
    response.flushHeaders();
    setImmediate(() => {
      response.write(BODY);
      response.end();
    });
  },
  "early hints"(_request, response, run) {
    response.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" });
    prepare(response, run);
    response.end(BODY);
  },
  "throw after end"(_request, response, run) {
    prepare(response, run);
    response.end(BODY);
    throw new Error("thrown after end");
  },
  "second end"(_request, response, run) {
    prepare(response, run);
    response.end(BODY);
    response.end();
  },
} satisfies Record<string, Handler>;

export type ScenarioName = keyof typeof SCENARIOS;

/**
 * Fails unless the client saw the application's own answer, plus the session's cookie, and that only after the commit;
 * and nothing but the answer when there was nothing to commit.
 */
export async function checkTransparent(
  rig: Rig,
  handler: Handler,
  expected?: (control: Seen) => Seen,
): Promise<void> {
  const plain = await rig.plain(handler).exchange.seen;
  const control = expected ? expected(plain) : plain;
  const { run, exchange } = rig.held(handler);
  assert.ok((await run.started.promise) >= 200);
  await rig.turn();
  assert.equal(exchange.arrived(), 0, "something of the response came before the commit");
  run.commit.resolve();
  const seen = await exchange.seen;
  assertSame(seen, withSession(control));
  const passing = rig.held(handler, { hooks: { start: () => {}, late: () => {} } });
  assertSame(await passing.exchange.seen, control);
}

/** Bodies apart: to print where two of them differ takes minutes. */
function assertSame(seen: Seen, expected: Seen): void {
  assert.deepEqual({ ...seen, body: seen.body.length }, { ...expected, body: expected.body.length });
  assert.ok(seen.body.equals(expected.body), "the body is another");
}

function withSession(control: Seen): Seen {
  if (control.status === 0) return control;
  return { ...control, headers: [...control.headers, SESSION_COOKIE].toSorted() };
}

/** Fails unless a failed commit is answered by the hold, with nothing of what the application wrote or set. */
export async function checkFailure(rig: Rig): Promise<void> {
  const { run, exchange } = rig.held((_request, response, run) => {
    response.setHeader("Location", "/elsewhere");
    prepare(response, run);
    largeStream().pipe(response);
  });
  await run.started.promise;
  await rig.turn();
  assert.equal(exchange.arrived(), 0);
  run.commit.reject(
    Object.assign(new Error("the store is away, and this text is nobody's business"), { status: 409 }),
  );
  const seen = await exchange.seen;
  assert.equal(seen.status, 409);
  assert.equal(seen.complete, true);
  assert.equal(seen.body.toString(), "Conflict\n");
  assert.ok(seen.headers.includes("cache-control: no-store"));
  assert.ok(seen.headers.includes("content-type: text/plain; charset=utf-8"));
  assert.ok(!seen.headers.some((line) => /^(set-cookie|location):/.test(line)));
}

/** Fails unless the commit of a client that left is finished, and the server goes on. */
export async function checkAbort(rig: Rig): Promise<void> {
  const { run, exchange } = rig.held((_request, response, run) => {
    prepare(response, run);
    largeStream().pipe(response);
  });
  await run.started.promise;
  exchange.abort();
  await run.closed.promise;
  run.commit.resolve();
  await exchange.seen;
  await rig.turn();
  assert.deepEqual(run.log.slice(0, 2), ["start 200", "committed"]);
}

/** Fails unless a held response takes about 1 MiB of a stream, and the rest after the commit. */
export async function checkMemory(rig: Rig): Promise<void> {
  let produced = 0;
  const { run, exchange } = rig.held((_request, response) => {
    const source = largeStream();
    source.on("data", (part: Buffer) => (produced += part.length));
    source.pipe(response);
  });
  await run.started.promise;
  await rig.turn();
  assert.ok(produced <= 1024 * 1024 + 65_536, `${produced} bytes were taken`);
  run.commit.resolve();
  assert.ok((await exchange.seen).body.equals(LARGE_BODY));
}

/** Fails when the session's cookie is written into an array of the application, to be sent to everybody after. */
export async function checkSharedArray(rig: Rig): Promise<void> {
  const shared = ["a=1"];
  const { run, exchange } = rig.held((_request, response) =>
    response.writeHead(200, { "Set-Cookie": shared }).end(),
  );
  run.commit.resolve();
  const { headers } = await exchange.seen;
  assert.deepEqual(
    headers.filter((line) => line.startsWith("set-cookie")),
    ["set-cookie: a=1", SESSION_COOKIE],
  );
  assert.deepEqual(shared, ["a=1"]);
}
