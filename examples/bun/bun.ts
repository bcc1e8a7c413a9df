// What the shop calls of Bun. With `@types/bun` installed it is the global `Bun`, and this file is not needed.

export interface BunServer {
  readonly port: number;
  requestIP(request: Request): { readonly address: string } | null;
  stop(closeActiveConnections?: boolean): Promise<void>;
}

interface Runtime {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    readonly fetch: (request: Request, server: BunServer) => Promise<Response>;
  }): BunServer;
}

export const { Bun } = globalThis as unknown as { readonly Bun: Runtime };
