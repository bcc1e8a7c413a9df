import type { IncomingMessage, RequestListener } from "node:http";
import { afterAll } from "vitest";
import { type Endpoint, type NodeAsk, nodeEndpoint } from "../../../src/endpoint.ts";
import { served as serve } from "../../support/served.ts";
import type { ProviderKey } from "./keys.ts";

const stops: (() => Promise<void>)[] = [];

afterAll(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Serves until the file's tests are over. */
export async function served(listener: RequestListener): Promise<string> {
  const { origin, close } = await serve(listener);
  stops.push(close);
  return origin;
}

/** Publishes whatever keys it holds, and counts who asks. */
export interface KeyServer {
  readonly url: URL;
  keys: readonly ProviderKey[];
  /** Answers with this status where it is not 200. */
  status: number;
  asked: number;
}

export async function keyServer(...keys: readonly ProviderKey[]): Promise<KeyServer> {
  const state = { keys, status: 200, asked: 0 };
  const origin = await served((_request, response) => {
    state.asked += 1;
    response.writeHead(state.status, { "content-type": "application/json" });
    response.end(JSON.stringify({ keys: state.keys.map((key) => key.public) }));
  });
  return Object.assign(state, { url: new URL(`${origin}/jwks`) });
}

/** What the receiver answered. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export type Post = (body: string, headers?: Readonly<Record<string, string>>) => Promise<Reply>;

/** Mounts an endpoint on a server of its own and gives how to post to it. */
export async function posting(endpoint: Endpoint, contentType: string): Promise<Post> {
  const failures: unknown[] = [];
  const handle = nodeEndpoint<null, NodeAsk & IncomingMessage>(endpoint, () => null);
  const origin = await served((request, response) => {
    handle(request, response).catch((error: unknown) => {
      failures.push(error);
      response.writeHead(500).end(String((error as { code?: unknown }).code));
    });
  });
  return async (body, headers = {}) => {
    const reply = await fetch(`${origin}/in`, {
      method: "POST",
      headers: { "content-type": contentType, ...headers },
      body,
    });
    return { status: reply.status, headers: reply.headers, body: await reply.text() };
  };
}

/** Without the members that are `undefined`, as JSON has it. */
export function claimsOf(base: object, changes: object = {}): object {
  return JSON.parse(JSON.stringify({ ...base, ...changes })) as object;
}
