import type { EventEmitter } from "node:events";

/** What a hold asks of its owner. Every hook may be synchronous; only a returned promise makes the response wait. */
export interface HoldHooks {
  /**
   * The response starts. Until this settles, headers can be changed through the {@link Hold}.
   *
   * `undefined` means that nothing has to be waited for: nothing is held and nothing asynchronous happens. A promise holds
   * the response until it settles. A rejection, or a throw, means: drop what the application answered and send
   * `renderFailure(error)` instead. Called at most once. May still come after `abandoned`, when the client left and the
   * handler went on to answer: a disconnect alone is no failure.
   *
   * `how` is `explicit` for a `writeHead`, after which nothing leaves on HTTP/1 before a further call, which {@link kept} tells of.
   */
  start(status: number, how: "explicit" | "implicit"): void | Promise<void>;
  /** A second `end` is ignored, whatever it brings. Without it Node decides, which emits an error for one that brings something. */
  readonly endsOnce?: true;
  /** A call of the application, one that would send something, waits for `start` to settle. */
  kept?(): void;
  /**
   * Whether `start` has nothing to do any more, and no header to add: the response may go on as it is. Asked when it starts, with the
   * arguments of its `writeHead`; absent, it is not so.
   */
  isIdle?(head: readonly unknown[]): boolean;
  /**
   * The response ends, and its start had passed in an earlier call: the chance to commit what changed since. The real
   * end waits for a returned promise; the response ends also when it rejects, reporting is the owner's affair. Called
   * too when a started response closes without an end, and once more should an end follow that.
   */
  late(): void | Promise<void>;
  /** The response closed and nobody had called `writeHead`, `write`, `end` or `flushHeaders` on it. */
  abandoned(): void | Promise<void>;
  /**
   * `start` failed, and the application has ended its answer, so that whatever it calls from here on belongs to another one. Where this gives a
   * function, the answer is dropped and the response is open again, with the headers that do not describe an answer: the function is called, and `start`
   * again when the response does. `undefined` or none: `renderFailure`.
   */
  reopen?(error: unknown): (() => void) | undefined;
  /**
   * Makes the answer sent when `start` failed, or when Node refused the application's headers at the moment of sending.
   * `undefined` or none: {@link plainFailure}.
   */
  renderFailure?(error: unknown): Failure | undefined;
}

/** An answer that replaces the application's. */
export interface Failure {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
}

/** The owner's view of a response under hold. */
export interface Hold {
  /** Whether the application has begun to answer. */
  readonly started: boolean;
  /** Whether the response can still carry what `setHeader` and `appendHeader` do. Asked at the moment of need. */
  readonly canSetHeaders: boolean;
  /** Whether headers went out past the hold, through `res.stream`, `res.socket` or a prototype's method. */
  readonly bypassed: boolean;
  /** A header as it will be sent; several values joined by a comma. */
  getHeader(name: string): string | undefined;
  /** Replaces a header. Works while held, too. Throws as Node does once the headers are sent. */
  setHeader(name: string, value: string): void;
  /** Adds a value and keeps those that the application set; arrays of the application are never written into. */
  appendHeader(name: string, value: string): void;
  /**
   * Takes the headers of a response that has not started back to what they were when the hold began, without those that
   * describe an answer: for a framework that is going to make another one. Does nothing once the response has started.
   */
  takeBack(): void;
}

export type HeaderValue = string | number | readonly string[];
export type Arguments = readonly unknown[];
export type Listener = (...args: unknown[]) => void;

/**
 * What the hold uses of a response of `node:http` or `node:http2`. `_header` is what the former's own setters, and half
 * of the middleware of this world, look at to tell whether the headers are gone.
 */
export interface NodeResponse extends EventEmitter {
  statusCode: number;
  statusMessage: string | undefined;
  sendDate: boolean;
  _removedConnection?: boolean;
  _removedContLen?: boolean;
  _removedTE?: boolean;
  finished: boolean;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly destroyed?: boolean;
  readonly req: { readonly method?: string; readonly socket?: Destroyable | undefined };
  readonly stream?: Http2Stream;
  readonly socket?: unknown;
  _header?: string | null;
  _finish?: () => void;
  writeHead(...args: Arguments): NodeResponse;
  write(...args: Arguments): boolean;
  end(...args: Arguments): NodeResponse;
  flushHeaders(): void;
  getHeader(name: string): HeaderValue | undefined;
  getHeaderNames(): string[];
  /** A copy, with names in lower case. */
  getHeaders(): Record<string, HeaderValue | undefined>;
  getRawHeaderNames?(): string[];
  setHeader(name: string, value: HeaderValue): unknown;
  removeHeader(name: string): void;
  destroy(error?: Error): unknown;
}

/** A socket of HTTP/1, or a stream of HTTP/2: what `req.socket.destroy()` of a framework ends. */
export interface Destroyable {
  readonly writable?: boolean;
  destroy(error?: Error): unknown;
}

export interface Http2Stream extends Destroyable {
  readonly headersSent: boolean;
  readonly closed: boolean;
}
