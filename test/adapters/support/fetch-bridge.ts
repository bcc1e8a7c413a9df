import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Bridge {
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves a Request → Response function over real sockets. What it throws cuts the connection: it is no answer. */
export async function serveFetch(handle: (request: Request) => Promise<Response>): Promise<Bridge> {
  const server = createServer((incoming, outgoing) => {
    answer(handle, incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  handle: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const left = new AbortController();
  outgoing.once("close", () => left.abort());
  const response = await handle(requestOf(incoming, left.signal));
  outgoing.statusCode = response.status;
  if (response.statusText !== "") outgoing.statusMessage = response.statusText;
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value);
  await write(response, outgoing);
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers();
  const { rawHeaders } = incoming;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  }
  const url = new URL(incoming.url ?? "/", `http://${incoming.headers.host ?? "127.0.0.1"}`);
  return new Request(url, { method: incoming.method ?? "GET", headers, signal });
}

/** As servers do: nobody makes any more of a body whose client has left. */
async function write({ body }: Response, outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) return void (await body?.cancel());
  const reader = body?.getReader();
  outgoing.once("close", () => void reader?.cancel().catch(() => undefined));
  for (;;) {
    const next = await reader?.read();
    if (next === undefined || next.done || outgoing.destroyed) break;
    outgoing.write(next.value);
  }
  outgoing.end();
}
