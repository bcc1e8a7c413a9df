import type { AnyStore } from "../core/store.ts";
import type { SessionManagerOptions } from "../core/options.ts";
import type { FieldSchemas } from "../core/schema.ts";
import type { SessionManager } from "../core/manager.ts";
import type { Session } from "../core/session.ts";

type ManagerOptions = SessionManagerOptions<FieldSchemas, Session>;

/** What an adapter, or its framework, may be able to do. */
export type AdapterAbility =
  /** It serves real sockets: `start` gives an origin. Without it the suite calls `fetch`. */
  | "sockets"
  /** A change after the headers left is still stored. Without it the verbs throw `ERR_SESSION_SENT`. */
  | "late changes"
  /** Handlers may throw an answer instead of returning it. */
  | "thrown answers"
  /** The adapter sees what handlers throw, so an unexpected error fails the request whatever it is shown as. */
  | "thrown errors"
  /** It can leave requests out (`Application.only`). */
  | "only"
  /** Two managers fit into one application (`Application.second`). */
  | "two managers"
  /** The body reaches the client piece by piece, while the handler makes it. */
  | "streams";

/** A complete answer. */
export interface Answer {
  /** 200 unless said otherwise. */
  readonly status?: number;
  /** Name and value, in order; a name may come several times. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

/** What a route is given. A route returns, or awaits, whatever the method that answers returned. */
export interface RouteContext {
  /** The session of the first manager; for a request that `only` leaves out, whatever the adapter gives. */
  readonly session: Session;
  /** What the adapter's `of(request)` gives for the first or the second manager. */
  of(which?: "first" | "second"): Session;
  /** A parameter of the query. */
  query(name: string): string | null;
  /** Answers in one go, by the plainest means that the framework has. Throws at once what the framework refuses. */
  send(answer: Answer): unknown;
  /** Redirects with status 302, by the framework's own means. The location is a path. */
  redirect(location: string): unknown;
  /** Answers piece by piece: the headers with the first piece, each piece as it comes. */
  stream(answer: Omit<Answer, "body">, pieces: AsyncIterable<string>): unknown;
  /** Throws an answer, where handlers may. */
  throwAnswer(answer: Answer): never;
  /** Answers with status 200 and a text in one of the subject's own `ways`, by name. */
  answerBy(way: string, text: string): unknown;
}

export type Route = (context: RouteContext) => unknown;

/** What a rule wants served. */
export interface Application {
  readonly manager: SessionManager;
  /** A second manager whose sessions every route has too. */
  readonly second?: SessionManager;
  /** Routes by path. They answer every method. */
  readonly routes: Readonly<Record<string, Route>>;
  /** Paths for which this answers `false` are left out by the adapter's own option. */
  readonly only?: (path: string) => boolean;
}

/** An application that runs. */
export interface RunningApplication {
  /** Where it listens, such as `http://127.0.0.1:4711`. */
  readonly origin?: string;
  /** How to call it where it listens nowhere. What it throws is an answer that never came. */
  readonly fetch?: (request: Request) => Promise<Response>;
  /** Stops listening and cuts what is still connected. */
  close(): Promise<void>;
}

/** An adapter as the contract takes it. */
export interface AdapterSubject {
  readonly name: string;
  /**
   * Starts an application. An error that a route throws is answered by the subject the way its framework would: with the
   * error's numeric `status`, else with its numeric `shownAs`, else with 500; never with the error's own text.
   */
  start(application: Application): Promise<RunningApplication>;
  /** For each ability `true`, or the reason why this adapter does without it; the reason is printed. */
  readonly abilities: Readonly<Record<AdapterAbility, true | string>>;
  /** Further ways to answer that this framework has, such as a pipe; `RouteContext.answerBy` takes their names. */
  readonly ways?: readonly string[];
  /** Names that the framework puts into the Vary of every answer by itself; `cookie` cannot be one. */
  readonly varies?: readonly string[];
  /** How every manager protects what it stores; not at all unless said otherwise. */
  readonly atRest?: Pick<ManagerOptions, "seal" | "pepper">;
  /** Opens the store that sessions live in; a memory store unless said otherwise. */
  openStore?(): Promise<{ readonly store: AnyStore; close(): Promise<void> }>;
}
