import { type IncomingHttpHeaders, request as plainRequest, type RequestOptions } from "node:http";
import { request as secureRequest } from "node:https";
import { connect } from "node:net";

/** One `Set-Cookie` line, taken apart. Names of attributes are in lower case, flags are true. */
export interface SetCookie {
  readonly line: string;
  readonly name: string;
  readonly value: string;
  readonly attributes: Readonly<Record<string, string | true>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly setCookies: readonly SetCookie[];
  /** The line of the session's cookie, under its usual name unless another is given. */
  cookie(name?: string): SetCookie | undefined;
  /** The session id in that line, without its signature. */
  sid(name?: string): string;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** The `Cookie` header, or an answer whose cookies are sent back. */
  readonly cookie?: string | Answer;
  readonly body?: string;
}

/** Sends one request on a connection of its own and reads the whole answer. */
export function send(origin: string, path: string, ask: Ask = {}): Promise<Answer> {
  const url = new URL(origin);
  const request = url.protocol === "https:" ? secureRequest : plainRequest;
  const options: RequestOptions & { rejectUnauthorized: boolean } = {
    host: url.hostname,
    port: url.port,
    path,
    method: ask.method ?? "GET",
    headers: headersOf(ask),
    agent: false,
    rejectUnauthorized: false,
  };
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve(answerOf(response.statusCode ?? 0, response.headers, Buffer.concat(chunks).toString())),
      );
    });
    sent.on("error", reject);
    sent.end(ask.body);
  });
}

/** Sends these bytes as they are, and gives all that comes back until the server hangs up. */
export function sendRaw(origin: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(origin).port), "127.0.0.1", () => socket.write(text));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("end", () => resolve(Buffer.concat(chunks).toString()));
  });
}

/** The `Cookie` header by which these cookies come back. */
export function cookieHeader(answer: Answer): string {
  return answer.setCookies.map(({ name, value }) => `${name}=${value}`).join("; ");
}

function headersOf({ headers = {}, cookie }: Ask): Record<string, string | string[]> {
  if (cookie === undefined) return { ...headers };
  return { ...headers, cookie: typeof cookie === "string" ? cookie : cookieHeader(cookie) };
}

function answerOf(status: number, headers: IncomingHttpHeaders, body: string): Answer {
  const setCookies = (headers["set-cookie"] ?? []).map(parseSetCookie);
  const cookie = (name = "connect.sid"): SetCookie | undefined =>
    setCookies.find((each) => each.name === name);
  const sid = (name?: string): string => sidOf(cookie(name)?.value ?? "");
  return { status, headers, body, setCookies, cookie, sid };
}

/** The id in a signed value: between `s:` and the last dot. */
function sidOf(value: string): string {
  const signed = decodeURIComponent(value);
  return signed.slice(2, signed.lastIndexOf("."));
}

function parseSetCookie(line: string): SetCookie {
  const [pair = "", ...rest] = line.split("; ");
  const split = pair.indexOf("=");
  const attributes = rest.map((part): [string, string | true] => {
    const at = part.indexOf("=");
    return at === -1 ? [part.toLowerCase(), true] : [part.slice(0, at).toLowerCase(), part.slice(at + 1)];
  });
  return {
    line,
    name: pair.slice(0, split),
    value: pair.slice(split + 1),
    attributes: Object.fromEntries(attributes),
  };
}
