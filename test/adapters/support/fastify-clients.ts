import { connect, type ClientHttp2Session } from "node:http2";
import type { FastifyInstance } from "fastify";

/** Asks an application by `inject`, as the users of Fastify do in their tests. */
export async function injected(app: FastifyInstance, request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const reply = await app.inject({
    method: request.method as "GET",
    url: pathname + search,
    headers: Object.fromEntries(request.headers),
  });
  const headers = new Headers();
  for (const [name, value] of Object.entries(reply.headers)) {
    for (const one of [value].flat()) if (one !== undefined) headers.append(name, String(one));
  }
  return responseOf(reply.statusCode, headers, reply.body);
}

/** Asks a server over one connection of HTTP/2. */
export function overHttp2(client: ClientHttp2Session, request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  return new Promise((resolve, reject) => {
    const stream = client.request({
      ":method": request.method,
      ":path": pathname + search,
      ...Object.fromEntries(request.headers),
    });
    const headers = new Headers();
    let status = 0;
    let body = "";
    stream.setEncoding("utf8");
    stream.on("response", (came) => {
      status = came[":status"] ?? 0;
      for (const [name, value] of Object.entries(came)) {
        if (name.startsWith(":")) continue;
        for (const one of [value].flat()) headers.append(name, String(one));
      }
    });
    stream.on("data", (text: string) => (body += text));
    stream.on("error", reject);
    stream.on("aborted", () => reject(new Error("The answer was cut.")));
    stream.on("end", () => resolve(responseOf(status, headers, body)));
    stream.end();
  });
}

/** Connects to a server by HTTP/2 without TLS. */
export function http2Client(origin: string): ClientHttp2Session {
  const client = connect(origin);
  client.on("error", () => undefined);
  return client;
}

function responseOf(status: number, headers: Headers, body: string): Response {
  return new Response([204, 205, 304].includes(status) ? null : body, { status, headers });
}
