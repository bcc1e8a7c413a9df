import type { Arguments, Listener } from "./node-hold-types.ts";

/** Text or bytes that `write` would take. Anything else Node refuses, and is left to Node to refuse. */
export function isChunk(chunk: unknown): chunk is string | Uint8Array {
  return typeof chunk === "string" || chunk instanceof Uint8Array;
}

/** Whether `end` was given something that is no chunk and is not the absence of one. */
export function isBadEnd(chunk: unknown): boolean {
  return Boolean(chunk) && typeof chunk !== "function" && !isChunk(chunk);
}

/** Throws Node's own error when text comes with an encoding that does not exist. */
export function checkEncoding(args: Arguments): void {
  // Not taken apart into names: that makes an iterator, for every response.
  const chunk = args[0];
  const encoding = args[1];
  if (typeof chunk !== "string" || typeof encoding !== "string") return;
  if (!Buffer.isEncoding(encoding)) Buffer.from(chunk, encoding as BufferEncoding);
}

/** The bytes that a held call keeps in memory. */
export function sizeOf(args: Arguments): number {
  const [chunk, encoding] = args;
  if (typeof chunk === "string") return Buffer.byteLength(chunk, encodingOf(encoding));
  return chunk instanceof Uint8Array ? chunk.byteLength : 0;
}

function encodingOf(encoding: unknown): BufferEncoding {
  return typeof encoding === "string" ? (encoding as BufferEncoding) : "utf8";
}

/** The callback of a `write` or an `end`, wherever among the arguments it stands. */
export function callbackOf(args: Arguments): Listener | undefined {
  return args.find((arg): arg is Listener => typeof arg === "function");
}

/** Lets the callback of a call that will never reach the client know why. */
export function refuseCall(args: Arguments, error: unknown): void {
  const callback = callbackOf(args);
  if (callback) process.nextTick(callback, error);
}
