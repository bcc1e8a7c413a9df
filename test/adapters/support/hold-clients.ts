import { connect as connectHttp2, constants as codes, type IncomingHttpHeaders } from "node:http2";
import { connect, type Socket } from "node:net";
import { constants, gunzipSync } from "node:zlib";

/** What a client saw of one response, whichever protocol it came by. */
export interface Seen {
  /** 0 when nothing of a response came. */
  readonly status: number;
  /** Lower-case names, one entry a line, without Date and what belongs to the connection alone. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly trailers: readonly string[];
  /** Statuses of the informational responses before it. */
  readonly informational: readonly number[];
  /** Whether the response came to its regular end. */
  readonly complete: boolean;
}

/** A request under way. */
export interface Exchange {
  /** What arrived so far, without informational responses, in bytes or (HTTP/2) frames. */
  arrived(): number;
  readonly seen: Promise<Seen>;
  abort(): void;
}

export type Client = (
  port: number,
  path: string,
  headers?: Record<string, string>,
  method?: string,
) => Exchange;

export interface Parsed extends Seen {
  readonly rest: Buffer;
}

/** Reads one response of HTTP/1 from the start of `bytes`; `rest` is what follows it. */
export function parseHttp1(bytes: Buffer, method = "GET"): Parsed {
  const informational: number[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0)
      return { status: 0, headers: [], body: rest, trailers: [], informational, complete: false, rest };
    const [first = "", ...lines] = rest.subarray(0, end).toString("latin1").split("\r\n");
    const status = Number(first.split(" ")[1]);
    rest = rest.subarray(end + 4);
    if (status < 200 && status !== 101) {
      informational.push(status);
      continue;
    }
    const headers = lines.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
    const bodiless = method === "HEAD" || status === 204 || status === 304;
    return { status, headers: comparable(headers), informational, ...bodyOf(rest, headers, bodiless) };
  }
}

function bodyOf(
  bytes: Buffer,
  headers: readonly string[],
  bodiless: boolean,
): Pick<Parsed, "body" | "trailers" | "complete" | "rest"> {
  if (bodiless) return { body: Buffer.alloc(0), trailers: [], complete: true, rest: bytes };
  if (headers.some((line) => /^transfer-encoding: chunked$/i.test(line))) return dechunk(bytes, headers);
  const length = headers.find((line) => line.startsWith("content-length:"));
  const size = length ? Number(length.slice(15)) : bytes.length;
  return {
    body: decode(bytes.subarray(0, size), headers),
    trailers: [],
    complete: bytes.length >= size,
    rest: bytes.subarray(size),
  };
}

function dechunk(
  bytes: Buffer,
  headers: readonly string[],
): Pick<Parsed, "body" | "trailers" | "complete" | "rest"> {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = bytes.indexOf("\r\n", at);
    if (line < 0) return { body: Buffer.concat(parts), trailers: [], complete: false, rest: Buffer.alloc(0) };
    const size = Number.parseInt(bytes.toString("latin1", at, line), 16);
    if (size === 0) {
      const text = bytes.subarray(line).toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      const trailers = text.slice(2, Math.max(end, 2)).split("\r\n").filter(Boolean);
      return {
        body: decode(Buffer.concat(parts), headers),
        trailers,
        complete: end >= 0,
        rest: bytes.subarray(line + end + 4),
      };
    }
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

function decode(body: Buffer, headers: readonly string[]): Buffer {
  if (!headers.includes("content-encoding: gzip")) return body;
  // What was cut short is compared as well: as far as it goes.
  return gunzipSync(body, { finishFlush: constants.Z_SYNC_FLUSH });
}

function comparable(headers: readonly string[]): string[] {
  return headers.filter((line) => !/^(date|:status):/.test(line)).toSorted();
}

/** Sends one request on a socket of its own. */
export const http1: Client = (port, path, headers = {}, method = "GET") => {
  const socket = connect(port, "127.0.0.1");
  const lines = Object.entries({ Host: "test", Connection: "close", ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  const received = collect(socket);
  return {
    arrived: () =>
      parseHttp1(received.bytes(), method).rest.length + parseHttp1(received.bytes(), method).status,
    seen: received.closed.then(() => {
      const { rest: _, ...seen } = parseHttp1(received.bytes(), method);
      return seen;
    }),
    abort: () => socket.destroy(),
  };
};

/** Collects what a socket receives. */
export function collect(socket: Socket): { bytes(): Buffer; readonly closed: Promise<void> } {
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("error", () => {});
  return {
    bytes: () => Buffer.concat(parts),
    closed: new Promise((resolve) => socket.once("close", () => resolve())),
  };
}

/** Sends one request on a session of its own. */
export const http2: Client = (port, path, headers = {}, method = "GET") => {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  const { connection: _, ...sent } = headers;
  const stream = session.request({ ":path": path, ":method": method, ...sent });
  const parts: Buffer[] = [];
  const informational: number[] = [];
  let response: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let frames = 0;
  stream.on("headers", (block) => informational.push(Number(block[":status"])));
  stream.on("response", (block) => {
    frames += 1;
    response = block;
  });
  stream.on("trailers", (block) => {
    trailers = block;
  });
  stream.on("data", (part: Buffer) => {
    frames += 1;
    parts.push(part);
  });
  stream.on("error", () => {});
  const seen = new Promise<Seen>((resolve) => {
    let ended = false;
    stream.once("end", () => (ended = true));
    stream.once("close", () => {
      session.close();
      const complete = ended && stream.rstCode === codes.NGHTTP2_NO_ERROR;
      const lines = linesOf(response);
      const body = complete ? decode(Buffer.concat(parts), lines) : Buffer.concat(parts);
      resolve({
        status: Number(response[":status"] ?? 0),
        headers: comparable(lines),
        body,
        trailers: linesOf(trailers),
        informational,
        complete,
      });
    });
  });
  return { arrived: () => frames, seen, abort: () => stream.close(codes.NGHTTP2_CANCEL) };
};

function linesOf(headers: IncomingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => `${name}: ${one}`),
  );
}
