import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";

import type { Http2Stream, NodeResponse } from "./node-hold-types.ts";

/**
 * What a response under hold looks like from outside. Node's own setters, `writeHead` and 1xx writers decide by
 * `_header` (HTTP/1) and by the stream's `headersSent` (HTTP/2); with those two showing "sent", all of them refuse by
 * themselves, in Node's words, and middleware that asks `_header` before it calls `_implicitHeader` asks no further.
 */

/** Never sent. Reads as a header, should anyone print it. */
const HELD_HEADER = "HTTP/1.1 200 OK\r\n\r\n";

/** Makes the headers read as sent. */
export function veilHeaders(response: NodeResponse): void {
  if (response.stream) {
    shadow(response.stream, "headersSent", always);
    return;
  }
  response._header = HELD_HEADER;
  if (!readsHeader) shadow(response, "headersSent", always);
}

/** Undoes {@link veilHeaders}. */
export function unveilHeaders(response: NodeResponse): void {
  if (response.stream) {
    unshadow(response.stream, "headersSent");
    return;
  }
  response._header = null;
  if (!readsHeader) unshadow(response, "headersSent");
}

/** Makes the response read as ended, and as not finished. */
export function veilEnd(response: NodeResponse): void {
  if (response.stream) {
    shadow(response, "finished", always);
    shadow(response, "writableEnded", always);
    return;
  }
  response.finished = true;
  if (guessesFinished) shadow(response, "writableFinished", never);
  // Its turn in the pipeline may come while it is held, and Node would take it for complete.
  if (!response.socket) response._finish = nothing;
}

/** Undoes {@link veilEnd}. */
export function unveilEnd(response: NodeResponse): void {
  if (response.stream) {
    unshadow(response, "finished");
    unshadow(response, "writableEnded");
    return;
  }
  response.finished = false;
  if (guessesFinished) unshadow(response, "writableFinished");
  if (Object.hasOwn(response, "_finish")) unshadow(response, "_finish");
}

/** Makes the response say that a `drain` is owed, as it does after a `write` that returned false. */
export function veilDrain(response: NodeResponse): void {
  shadow(response, "writableNeedDrain", always);
}

/** Undoes {@link veilDrain}. */
export function unveilDrain(response: NodeResponse): void {
  unshadow(response, "writableNeedDrain");
}

function probe(): NodeResponse & { readonly writableFinished: boolean } {
  return new ServerResponse(new IncomingMessage(new Socket())) as never;
}

/** Node 20 derives `writableFinished` from `finished` and an empty queue, later ones note the fact. */
const guessesFinished: boolean = ((): boolean => {
  const response = probe();
  response.finished = true;
  return response.writableFinished;
})();

/** Bun's setters decide by `_header` as Node's do, but its `headersSent` by a note of its own. */
const readsHeader: boolean = ((): boolean => {
  const response = probe();
  response._header = HELD_HEADER;
  return response.headersSent;
})();

function shadow(target: NodeResponse | Http2Stream, name: string, get: () => boolean): void {
  Object.defineProperty(target, name, { configurable: true, get });
}

function unshadow(target: NodeResponse | Http2Stream, name: string): void {
  Reflect.deleteProperty(target, name);
}

function always(): boolean {
  return true;
}

function never(): boolean {
  return false;
}

function nothing(): void {}
