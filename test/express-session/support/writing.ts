import { serve } from "./site.ts";
import { put, watched } from "./stores.ts";
import { cookieOf } from "./signing.ts";
import type { Request, Response, SessionModule } from "./types.ts";

/** One call on a response. */
export type Step =
  | { readonly do: "setHeader" | "appendHeader"; readonly name: string; readonly value: string | string[] }
  | { readonly do: "removeHeader"; readonly name: string }
  | { readonly do: "status"; readonly status: number }
  | {
      readonly do: "writeHead";
      readonly status: number;
      readonly reason?: string | undefined;
      readonly headers?: Record<string, string | string[]> | string[] | undefined;
    }
  | { readonly do: "write" | "end"; readonly chunk?: string | undefined; readonly as: "text" | "bytes" }
  | { readonly do: "flushHeaders" | "change" | "look" };

export interface Writing {
  readonly method: string;
  readonly isKnown: boolean;
  readonly saveUninitialized: boolean;
  readonly steps: readonly Step[];
}

/** What comes over the wire, and what each step gave the handler. */
export async function written(
  session: SessionModule,
  { method, isKnown, steps, ...options }: Writing,
): Promise<unknown> {
  const store = watched(session);
  await put(store, "known", { cookie: { path: "/" } });
  store.taken();
  const felt: unknown[] = [];
  const site = await serve(session, { store, genid: () => "new", ...options }, (req, res) => {
    // Copies, for Node adds to the very list that it was given.
    for (const step of structuredClone(untilEnd(steps))) felt.push(feel(step, req, res));
  });
  const ask = isKnown ? { method, cookie: cookieOf("known") } : { method };
  const { status, headers, body } = await site.get("/", ask);
  // How the length is told is the server's own affair.
  for (const name of ["date", "content-length", "transfer-encoding", "connection", "keep-alive"])
    delete headers[name];
  return {
    status,
    headers,
    body,
    felt,
    calls: store.taken(),
    errors: site.errors.map(({ message }) => message),
  };
}

/** Up to the first end, for a write after it is an error of the stream in Node itself. */
function untilEnd(steps: readonly Step[]): readonly Step[] {
  const end = steps.findIndex((step) => step.do === "end");
  return end === -1 ? [...steps, { do: "end", as: "text" }] : steps.slice(0, end + 1);
}

function feel(step: Step, req: Request, res: Response): unknown {
  try {
    take(step, req, res);
    return res.headersSent;
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).message;
  }
}

function take(step: Step, req: Request, res: Response): void {
  switch (step.do) {
    case "setHeader":
      return void res.setHeader(step.name, step.value);
    case "appendHeader":
      return void res.appendHeader(step.name, step.value);
    case "removeHeader":
      return res.removeHeader(step.name);
    case "status":
      res.statusCode = step.status;
      return;
    case "writeHead":
      if (step.reason === undefined) return void res.writeHead(step.status, step.headers);
      return void res.writeHead(step.status, step.reason, step.headers);
    case "write":
      return void res.write(chunkOf(step) ?? "more");
    case "end":
      return void res.end(chunkOf(step));
    case "flushHeaders":
      return res.flushHeaders();
    case "change":
      // Only before the head: what comes between it and the first byte is in time with ours alone.
      if (!res.headersSent && req.session) req.session.count = (req.session.count ?? 0) + 1;
      return;
    default:
      res.getHeaders();
  }
}

function chunkOf({
  chunk,
  as,
}: {
  chunk?: string | undefined;
  as: "text" | "bytes";
}): string | Buffer | undefined {
  return chunk === undefined || as === "text" ? chunk : Buffer.from(chunk);
}
