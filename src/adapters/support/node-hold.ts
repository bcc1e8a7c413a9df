import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

import { callbackOf, checkEncoding, isBadEnd, isChunk, refuseCall } from "./node-hold-calls.ts";
import { applyHead, checkStatus } from "./node-hold-headers.ts";
import { type Phase, ResponseHold } from "./node-hold-state.ts";
import type { Arguments, Hold, HoldHooks, Listener, NodeResponse } from "./node-hold-types.ts";

export { plainFailure } from "./node-hold-failure.ts";
export type { Failure, Hold, HoldHooks } from "./node-hold-types.ts";

const HOLD: unique symbol = Symbol("holdfast.hold");

interface HeldResponse extends NodeResponse {
  [HOLD]: ResponseHold;
  writeHeader?: NodeResponse["writeHead"];
}

/**
 * Holds a response of `node:http` or `node:http2` back, from the first call that would send a byte until `hooks.start` has
 * settled. To the application it looks started, and ended, from the moment that it was; see design, section 6.
 *
 * Hooks added to a response that has a hold already run after the present ones, and share its {@link Hold}. On a
 * response that has started only `late` is left to be called.
 */
export function holdResponse(response: ServerResponse | Http2ServerResponse, hooks: HoldHooks): Hold {
  const held = response as unknown as HeldResponse;
  const present = held[HOLD];
  if (present) {
    present.hooks = inSequence(present.hooks, hooks);
    return present;
  }
  const { writeHead, write, end, flushHeaders, on } = held;
  const hold = new ResponseHold(held, { writeHead, write, end, flushHeaders, on }, hooks);
  if (held.headersSent) hold.phase = "passing";
  hold.ended = held.writableEnded;
  held[HOLD] = hold;
  held.writeHead = holdWriteHead;
  // The old alias on the prototype would go past the line above.
  if (held.writeHeader) held.writeHeader = holdWriteHead;
  held.write = holdWrite;
  held.end = holdEnd;
  held.flushHeaders = holdFlushHeaders;
  held.on = holdOn;
  on.call(held, "close", onClose);
  on.call(held, "pipe", onPipe);
  return hold;
}

/** The second manager of an application commits after the first, and not at all when the first could not. */
function inSequence(first: HoldHooks, second: HoldHooks): HoldHooks {
  let failed = first;
  return {
    ...((first.endsOnce || second.endsOnce) && { endsOnce: true }),
    start(status, how) {
      failed = first;
      const pending = first.start(status, how);
      const follow = (): void | Promise<void> => {
        failed = second;
        return second.start(status, how);
      };
      return pending ? pending.then(follow) : follow();
    },
    kept() {
      first.kept?.();
      second.kept?.();
    },
    reopen: (error) => failed.reopen?.(error),
    late: () => both(first.late(), second.late()),
    abandoned: () => both(first.abandoned(), second.abandoned()),
    renderFailure: (error) => failed.renderFailure?.(error),
  };
}

async function settle(one: void | Promise<void>, other: void | Promise<void>): Promise<void> {
  await Promise.allSettled([one, other]);
}

function both(one: void | Promise<void>, other: void | Promise<void>): void | Promise<void> {
  if (one || other) return settle(one, other);
}

function holdWriteHead(this: HeldResponse, ...args: Arguments): NodeResponse {
  const hold = this[HOLD];
  if (hold.phase === "held" || hold.phase === "failed")
    return native(this, "writeHead").apply(this, [...args]);
  if (hold.phase !== "open" || hold.bypassed) return hold.previous.writeHead.apply(this, [...args]);
  if (hold.hooks.isIdle?.(args) === true) {
    hold.previous.writeHead.apply(this, [...args]);
    hold.phase = "passing";
    return this;
  }
  applyHead(this, args);
  hold.begin("explicit");
  if (isPassing(hold)) hold.previous.writeHead.call(this, this.statusCode);
  return this;
}

function holdFlushHeaders(this: HeldResponse): void {
  const hold = this[HOLD];
  if (hold.phase === "failed") return;
  // Through the outermost writeHead, as Node does: what middleware does at that moment belongs before the commit.
  if (hold.phase === "open" && !hold.bypassed) this.writeHead(this.statusCode);
  if (hold.phase === "held") hold.keep("flushHeaders", []);
  else hold.previous.flushHeaders.call(this);
}

function holdWrite(this: HeldResponse, ...args: Arguments): boolean {
  const hold = this[HOLD];
  if (hold.phase === "failed") return swallow(hold, args);
  // Only what Node takes is held. The rest it refuses, where it stands.
  if (!isChunk(args[0])) return hold.previous.write.apply(this, [...args]);
  if (hold.ended && isEndHeld(hold)) return writeAfterEnd(this, hold, args);
  if (hold.phase === "open") beginImplicit(this, hold, args);
  if (hold.phase !== "held" && hold.phase !== "replaying") return hold.previous.write.apply(this, [...args]);
  checkEncoding(args);
  return hold.keep("write", args);
}

function holdEnd(this: HeldResponse, ...args: Arguments): NodeResponse {
  const hold = this[HOLD];
  if (hold.phase === "failed") {
    swallow(hold, args);
    return this;
  }
  if (isBadEnd(args[0])) hold.previous.write.apply(this, [...args]);
  if (hold.ended) return endAgain(this, hold, args);
  if (hold.bypassed) hold.phase = "passing";
  if (hold.phase === "open") {
    beginImplicit(this, hold, args);
    if (isPassing(hold)) return passEnd(this, hold, args);
  }
  checkEncoding(args);
  if (hold.phase === "passing") hold.finish(args);
  else hold.keep("end", args);
  return this;
}

function passEnd(response: HeldResponse, hold: ResponseHold, args: Arguments): NodeResponse {
  hold.ended = true;
  return hold.previous.end.apply(response, [...args]);
}

function beginImplicit(response: HeldResponse, hold: ResponseHold, args: Arguments): void {
  checkEncoding(args);
  if (!response.stream) checkStatus(response.statusCode, response.statusMessage);
  hold.begin("implicit");
}

/** Whether the application has called `end` and Node has not seen it yet. */
function isEndHeld(hold: ResponseHold): boolean {
  return hold.phase === "held" || hold.phase === "ending";
}

function isPassing(hold: { readonly phase: Phase }): boolean {
  return hold.phase === "passing";
}

function writeAfterEnd(response: HeldResponse, hold: ResponseHold, args: Arguments): boolean {
  if (!response.stream) return native(response, "write").apply(response, [...args]);
  const error = Object.assign(new Error("write after end"), { code: "ERR_STREAM_WRITE_AFTER_END" });
  refuseCall(args, error);
  hold.resetAfterEnd(error);
  return false;
}

/** A second end: Node decides by what it sees, except for HTTP/2, whose own note of the end nobody can set. */
function endAgain(response: HeldResponse, hold: ResponseHold, args: Arguments): NodeResponse {
  if (hold.hooks.endsOnce) return response;
  if (!isEndHeld(hold)) return hold.previous.end.apply(response, [...args]);
  if (!response.stream) return native(response, "end").apply(response, [...args]);
  const callback = callbackOf(args);
  if (callback) process.nextTick(callback);
  return response;
}

function swallow(hold: ResponseHold, args: Arguments): boolean {
  refuseCall(args, hold.failure);
  return true;
}

/** The method that Node gave the response, under whatever middleware put over it. */
function native<Name extends "writeHead" | "write" | "end">(
  response: NodeResponse,
  name: Name,
): NodeResponse[Name] {
  return (Object.getPrototypeOf(response) as NodeResponse)[name];
}

function holdOn(this: HeldResponse, event: string | symbol, listener: Listener): HeldResponse {
  const hold = this[HOLD];
  hold.previous.on.call(this, event, listener);
  if (event !== "drain" || hold.phase === "passing" || hold.phase === "failed") return this;
  if (!this.rawListeners("drain").includes(listener)) (hold.strayDrains ??= new Set()).add(listener);
  return this;
}

function onPipe(this: HeldResponse, source: NodeJS.ReadableStream): void {
  const hold = this[HOLD];
  if (hold.phase === "failed") source.unpipe(this as unknown as NodeJS.WritableStream);
  else if (hold.phase !== "passing") (hold.sources ??= new Set()).add(source);
}

function onClose(this: HeldResponse): void {
  this[HOLD].closed();
}
