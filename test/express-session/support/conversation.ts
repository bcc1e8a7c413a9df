import type { Answer } from "./client.ts";
import { serve } from "./site.ts";
import { finished, synchronousStore, watch, watched } from "./stores.ts";
import type { Done, Options, Request, Response, SessionModule, Store } from "./types.ts";

/** One thing that a handler does. */
export type Act =
  | { readonly do: "set"; readonly field: string; readonly value: unknown }
  | { readonly do: "delete"; readonly field: string }
  | { readonly do: "age"; readonly ms: number | null }
  | { readonly do: "cookie"; readonly option: string; readonly value: unknown }
  | { readonly do: "pass"; readonly ms: number }
  | {
      readonly do:
        | "push"
        | "save"
        | "reload"
        | "regenerate"
        | "destroy"
        | "unset"
        | "touch"
        | "generate"
        | "header"
        | "outside";
    };

export interface Visit {
  readonly acts: readonly Act[];
  /** How it ends. */
  readonly end: "text" | "empty" | "write" | "length" | "redirect" | "head";
  /** Whether it brings the cookie that was set last, or the one before, or none. */
  readonly brings: "last" | "before" | "none";
  /** What passes before it, in milliseconds. */
  readonly after: number;
}

/** A store that can tell at once what it holds, and one that has to be asked, as those of others. */
export type Kind = "memory" | "synchronous";

export interface Conversation {
  readonly kind: Kind;
  readonly options: Options;
  readonly visits: readonly Visit[];
}

/** What a conversation looked like from outside: each answer, what the store was asked for, and what it has in the end. */
export async function held(
  session: SessionModule,
  { kind, options, visits }: Conversation,
  pass: (ms: number) => void,
): Promise<unknown> {
  const { store, calls, kept } = opened(session, kind);
  let made = 0;
  let visit: Visit | undefined;
  const genid = (): string => `id-${(made += 1)}`;
  const site = await serve(session, { ...options, store, genid }, async (req, res) => {
    const notes: unknown[] = [];
    for (const act of visit?.acts ?? []) await doneBy(act, req, res, notes, pass);
    answer(res, visit?.end ?? "text", JSON.stringify([notes, seen(req)]));
  });
  const answers: unknown[] = [];
  const cookies: string[] = [""];
  for (visit of visits) {
    pass(visit.after);
    const cookie = { last: cookies.at(-1), before: cookies.at(-2), none: "" }[visit.brings];
    const got = await site.get("/", cookie ? { cookie } : {});
    const sent = got.cookie();
    if (sent !== undefined) cookies.push(`${sent.name}=${sent.value}`);
    answers.push(outsideOf(got), calls());
  }
  return { answers, errors: site.errors.map(({ message }) => message), kept: await kept() };
}

/** In which order the fields of a session come is compared nowhere here. */
function outsideOf({ status, body, setCookies, headers }: Answer): unknown {
  const told = body === "" ? body : (JSON.parse(body) as unknown);
  return { status, told, location: headers.location, setCookies: setCookies.map(({ line }) => line) };
}

function seen(req: Request): unknown {
  return [req.sessionID, req.session ?? null];
}

async function doneBy(
  act: Act,
  req: Request,
  res: Response,
  notes: unknown[],
  pass: (ms: number) => void,
): Promise<void> {
  const { session } = req;
  if (act.do === "pass") return pass(act.ms);
  if (act.do === "header") return void res.setHeader("Set-Cookie", "other=1");
  if (act.do === "generate") return req.sessionStore.generate(req);
  if (!session) return;
  switch (act.do) {
    case "set":
      session[act.field] = act.value;
      return;
    case "delete":
      delete session[act.field];
      return;
    case "push":
      session.items = [...(session.items ?? []), "item"];
      return;
    case "age":
      session.cookie.maxAge = act.ms;
      return;
    case "cookie":
      session.cookie[act.option] = act.value;
      return;
    case "touch":
      session.touch();
      return;
    case "unset":
      Object.assign(req, { session: null });
      return;
    case "outside":
      // Another hand changes what the store has of this session, which this request then reads again.
      notes.push(
        await outcome((done) => req.sessionStore.set(req.sessionID, { ...session, outside: 1 }, done)),
      );
      notes.push(await outcome((done) => session.reload(done)));
      return;
    default:
      notes.push(await outcome((done) => (session[act.do] as (done: Done) => unknown)(done)));
  }
}

function outcome(start: Parameters<typeof finished>[0]): Promise<string> {
  return finished(start).then(
    () => "done",
    (error: unknown) => (error as Error).message,
  );
}

function answer(res: Response, end: Visit["end"], body: string): void {
  switch (end) {
    case "empty":
      return void res.end();
    case "write":
      res.write(body.slice(0, 5));
      return void res.end(body.slice(5));
    case "length":
      res.setHeader("Content-Length", Buffer.byteLength(body));
      return void res.end(body);
    case "redirect":
      return void res.writeHead(302, { Location: "/next" }).end(body);
    case "head":
      return void res.writeHead(201, "Made", { "X-Made": "1" }).end(body);
    default:
      return void res.end(body);
  }
}

interface Opened {
  readonly store: Store;
  calls(): readonly string[];
  kept(): unknown;
}

/** A store that notes what it is asked for. Of one that cannot tell by itself what it holds, ours reads once more, which is not compared. */
function opened(session: SessionModule, kind: Kind): Opened {
  if (kind === "memory") {
    const store = watched(session);
    return {
      store,
      calls: () => store.calls.splice(0),
      kept: () => Object.entries(store.sessions).map(parsed),
    };
  }
  const store = watch(synchronousStore(session));
  return {
    store,
    calls: () => store.calls.splice(0).filter((call) => !call.startsWith("get ")),
    kept: () => [...store.sessions].map(parsed),
  };
}

function parsed([id, text]: readonly [string, string]): readonly unknown[] {
  return [id, JSON.parse(text)];
}
