import { STATUS_CODES } from "node:http";

import { OF_THE_ANSWER } from "./answer-headers.ts";
import { callbackOf, refuseCall } from "./node-hold-calls.ts";
import type { Arguments, Failure, NodeResponse } from "./node-hold-types.ts";

/**
 * The default answer when a commit failed: plain text, never stored, nothing of the error but its status.
 * The status is the error's own where that is 4xx or 5xx (409 for a conflict), else 503.
 */
export function plainFailure(error: unknown): Failure {
  const status = statusOf(error) ?? 503;
  return {
    status,
    headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" },
    body: `${STATUS_CODES[status] ?? "Error"}\n`,
  };
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("status" in error)) return undefined;
  const { status } = error;
  return typeof status === "number" && Number.isInteger(status) && status >= 400 && status <= 599
    ? status
    : undefined;
}

/** Takes from a response the headers of an answer that is not going to be given. */
export function dropAnswer(response: NodeResponse): void {
  for (const name of OF_THE_ANSWER) if (response.getHeader(name) !== undefined) response.removeHeader(name);
}

/** Puts status and headers of an answer on a response whose own were taken back already. */
export function setFailure(response: NodeResponse, failure: Failure): void {
  dropAnswer(response);
  response.statusCode = failure.status;
  // Otherwise the reason phrase of the dropped answer would stand beside the new status.
  if (!response.stream) response.statusMessage = undefined;
  for (const [name, value] of Object.entries(failure.headers)) response.setHeader(name, value);
  // With a length there is no room for the trailers of the dropped answer either.
  response.setHeader("Content-Length", Buffer.byteLength(failure.body));
}

/** A source that writes on into a response which swallows would stay paused, and its file open, for ever. */
export function releaseSource(source: NodeJS.ReadableStream, response: NodeResponse): void {
  source.unpipe(response as unknown as NodeJS.WritableStream);
  if (source.listenerCount("data") === 0) source.resume();
}

/** Tells the callbacks of dropped calls why. */
export function refuseCalls(calls: readonly Arguments[], error: unknown): void {
  for (const args of calls) if (callbackOf(args)) refuseCall(args, error);
}
