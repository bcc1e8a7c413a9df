import type { RunningApplication } from "../../../../src/testing/index.ts";

export type Handle = (request: Request) => Promise<Response>;

type Serve = (handle: Handle) => Promise<RunningApplication>;

/** What is called of the runtimes' own servers. */
interface Globals {
  readonly Bun?: {
    serve(options: {
      readonly port: number;
      readonly hostname: string;
      readonly development: false;
      readonly fetch: Handle;
    }): { readonly port: number; stop(cut: boolean): Promise<void> };
  };
  readonly Deno?: {
    serve(
      options: {
        readonly port: number;
        readonly hostname: string;
        readonly signal: AbortSignal;
        readonly onListen: () => void;
        readonly onError: () => Response;
      },
      handle: Handle,
    ): { readonly addr: { readonly port: number }; readonly finished: Promise<void> };
  };
}

/** The server of the runtime itself for functions from `Request` to `Response`; `undefined` where it has none. */
export function ownServer(): Serve | undefined {
  const { Bun, Deno } = globalThis as Globals;
  if (Bun !== undefined)
    return async (handle) => {
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch: handle });
      return { origin: `http://127.0.0.1:${server.port}`, close: () => server.stop(true) };
    };
  if (Deno !== undefined)
    return async (handle) => {
      const cut = new AbortController();
      const options = {
        port: 0,
        hostname: "127.0.0.1",
        signal: cut.signal,
        onListen: () => undefined,
        onError: () => new Response(null, { status: 500 }),
      };
      const server = Deno.serve(options, handle);
      return {
        origin: `http://127.0.0.1:${server.addr.port}`,
        async close() {
          cut.abort();
          await server.finished;
        },
      };
    };
  return undefined;
}
