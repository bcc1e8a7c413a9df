/**
 * What is used of Next, for where it is not installed: it is too heavy for this repository's own dependencies. Not
 * published; where the adapter is used these names lead to Next's own types.
 */
declare module "next/headers.js" {
  /** The request's headers: the same object wherever the same request asks. Rendering waits for a request here. */
  export function headers(): Promise<Headers>;
  export function cookies(): Promise<{
    set(cookie: {
      name: string;
      value: string;
      path?: string;
      domain?: string;
      secure?: boolean;
      httpOnly?: boolean;
      sameSite?: "strict" | "lax" | "none";
      partitioned?: boolean;
      maxAge?: number;
    }): unknown;
  }>;
}

declare module "next/server.js" {
  /** Waits for a visitor's request; what is made without one ends there. */
  export function connection(): Promise<void>;
  export function after(task: Promise<unknown>): void;
  export class NextRequest extends Request {
    readonly nextUrl: URL;
  }
  export class NextFetchEvent {
    waitUntil(work: Promise<unknown>): void;
  }
  export class NextResponse extends Response {
    static next(): NextResponse;
    readonly cookies: { getAll(): { name: string; value: string }[] };
  }
}
