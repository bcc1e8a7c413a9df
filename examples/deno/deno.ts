// What the shop calls of Deno. Deno's own editor support and `deno check` know the global `Deno`, and this file is not needed.

export interface ConnectionInfo {
  readonly remoteAddr: { readonly hostname: string };
}

interface DenoServer {
  readonly addr: { readonly port: number };
  readonly finished: Promise<void>;
}

interface Runtime {
  serve(
    options: {
      readonly hostname: string;
      readonly port: number;
      readonly signal: AbortSignal;
      readonly onListen: () => void;
    },
    handle: (request: Request, info: ConnectionInfo) => Promise<Response>,
  ): DenoServer;
}

export const { Deno } = globalThis as unknown as { readonly Deno: Runtime };
