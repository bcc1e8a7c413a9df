import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";

import type { HeaderValue, NodeResponse } from "./node-hold-types.ts";

/** Headers as they stood at one moment, by names in lower case. */
export interface HeaderSnapshot {
  readonly headers: Readonly<Record<string, HeaderValue | undefined>>;
  readonly marks: Readonly<Partial<Record<Mark, boolean>>>;
}

/** What Node notes on the message when a header is removed: never to make that header by itself again. */
const MARKS = ["sendDate", "_removedConnection", "_removedContLen", "_removedTE"] as const;
type Mark = (typeof MARKS)[number];

/**
 * Notes the headers of a response, for every request: names as they were spelled would take four times as long. Arrays are copied, for
 * `appendHeader` of Node writes into the array it was given.
 */
export function takeHeaders(response: NodeResponse): HeaderSnapshot {
  const headers = response.getHeaders();
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === "object") headers[name] = [...value];
  }
  const { sendDate, _removedConnection, _removedContLen, _removedTE } = response;
  return {
    headers,
    marks: { sendDate, _removedConnection, _removedContLen, _removedTE } as HeaderSnapshot["marks"],
  };
}

/** Puts the headers of a response back to what they were, as they are spelled now where they are still there. */
export function restoreHeaders(response: NodeResponse, snapshot: HeaderSnapshot): void {
  const spelled = response.getRawHeaderNames?.() ?? response.getHeaderNames();
  const spelling = new Map(spelled.map((name) => [name.toLowerCase(), name]));
  for (const name of spelled) response.removeHeader(name);
  for (const [name, value] of Object.entries(snapshot.headers))
    if (value !== undefined) response.setHeader(spelling.get(name) ?? name, value);
  for (const mark of MARKS) {
    const value = snapshot.marks[mark];
    if (value !== undefined) response[mark] = value;
  }
}

/**
 * Adds a value to a header. Not Node's `appendHeader`: that pushes into the array which the application set, and when the
 * application keeps one array for all responses, one client's cookie would be sent to the next.
 */
export function appendHeader(response: NodeResponse, name: string, value: HeaderValue): void {
  const present = response.getHeader(name);
  if (present === undefined) {
    response.setHeader(name, value);
    return;
  }
  response.setHeader(name, [...listOf(present), ...listOf(value)]);
}

function listOf(value: HeaderValue): readonly string[] {
  return typeof value === "object" ? value : [String(value)];
}

/**
 * Does to the message what `writeHead(status, reason, headers)` would, short of sending: status, reason and headers are
 * validated by Node itself, here and now, and a refusal leaves the headers as they were.
 */
export function applyHead(response: NodeResponse, args: readonly unknown[]): void {
  const [status, reason] = args;
  const headers = typeof reason === "string" ? args[2] : (args[2] ?? reason);
  if (response.stream) {
    response.statusCode = status as number;
  } else {
    if (typeof reason === "string") response.statusMessage = reason;
    checkStatus(status, response.statusMessage);
    response.statusCode = Number(status) | 0;
  }
  if (typeof headers !== "object" || headers === null) return;
  const before = takeHeaders(response);
  try {
    if (Array.isArray(headers)) setPairs(response, pairsOf(headers));
    else setPairs(response, Object.entries(headers));
  } catch (error) {
    restoreHeaders(response, before);
    throw error;
  }
}

/** Throws what Node throws for a status or reason phrase that it would refuse to send. */
export function checkStatus(status: unknown, reason: string | undefined): void {
  if (reason === undefined && typeof status === "number" && status >= 100 && status <= 999) return;
  scratchResponse().writeHead(status as number, reason ?? "");
}

/** A response that goes nowhere, so that Node's own refusals, with their codes and messages, are what is thrown. */
function scratchResponse(): ServerResponse {
  return new ServerResponse(new IncomingMessage(new Socket()));
}

/** The pairs of a raw header list: flat, or a list of pairs. */
function pairsOf(list: readonly unknown[]): (readonly [string, unknown])[] {
  if (Array.isArray(list[0])) return list as (readonly [string, unknown])[];
  if (list.length % 2 !== 0) scratchResponse().writeHead(200, list as string[]);
  const pairs: (readonly [string, unknown])[] = [];
  for (let index = 0; index < list.length; index += 2) pairs.push([list[index] as string, list[index + 1]]);
  return pairs;
}

/** Headers given with the status override those set before, and may repeat a name among themselves. */
function setPairs(response: NodeResponse, pairs: readonly (readonly [string, unknown])[]): void {
  const seen = new Set<string>();
  for (const [name, value] of pairs) {
    if (!name) continue;
    const key = typeof name === "string" ? name.toLowerCase() : name;
    if (seen.has(key)) appendHeader(response, name, value as HeaderValue);
    else response.setHeader(name, value as HeaderValue);
    seen.add(key);
  }
}
