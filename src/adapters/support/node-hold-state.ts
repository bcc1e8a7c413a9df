import { sizeOf } from "./node-hold-calls.ts";
import { deferDestroy, letDestroy } from "./node-hold-destroy.ts";
import {
  unveilDrain,
  unveilEnd,
  unveilHeaders,
  veilDrain,
  veilEnd,
  veilHeaders,
} from "./node-hold-facade.ts";
import { dropAnswer, plainFailure, refuseCalls, releaseSource, setFailure } from "./node-hold-failure.ts";
import { appendHeader, type HeaderSnapshot, restoreHeaders, takeHeaders } from "./node-hold-headers.ts";
import type { Arguments, Failure, Hold, HoldHooks, Listener, NodeResponse } from "./node-hold-types.ts";

/** How much of a body is kept in memory before `write` asks the application to wait. */
const HELD_BYTES = 1024 * 1024;

/** The response's methods as they were, perhaps wrapped by middleware that came before. */
interface Previous {
  readonly writeHead: NodeResponse["writeHead"];
  readonly write: NodeResponse["write"];
  readonly end: NodeResponse["end"];
  readonly flushHeaders: NodeResponse["flushHeaders"];
  readonly on: NodeResponse["on"];
}

/**
 * - `open`: the application has not begun to answer.
 * - `held`: it has, and `start` is under way. Calls are kept.
 * - `replaying`: kept calls are being made. What they provoke passes; what the application adds queues up behind them.
 * - `passing`: calls go through as they come.
 * - `ending`: only the real end is kept, for `late`.
 * - `failed`: the hold answered. Calls are swallowed.
 */
export type Phase = "open" | "held" | "replaying" | "passing" | "ending" | "failed";

interface HeldCall {
  readonly kind: "write" | "end" | "flushHeaders";
  readonly args: Arguments;
}

/** One response and where it stands. All there is of a hold besides the methods that every response shares. */
export class ResponseHold implements Hold {
  phase: Phase = "open";
  /** `end` was called by the application, and it may be that the real one is still to come. */
  ended = false;
  /** Why the phase is `failed`. */
  failure: unknown;
  hooks: HoldHooks;
  readonly response: NodeResponse;
  readonly previous: Previous;
  /** Listeners for `drain` that middleware kept for a stream of its own. The response does not know them. */
  strayDrains: Set<Listener> | undefined;
  sources: Set<NodeJS.ReadableStream> | undefined;
  readonly #entry: HeaderSnapshot;
  #calls: HeldCall[] = [];
  #bytes = 0;
  #owesDrain = false;
  #explicit = false;
  #status = 200;
  #message: string | undefined;
  #late: Promise<void> | undefined;
  #reset: Error | undefined;

  constructor(response: NodeResponse, previous: Previous, hooks: HoldHooks) {
    this.response = response;
    this.previous = previous;
    this.hooks = hooks;
    this.#entry = takeHeaders(response);
  }

  get started(): boolean {
    return this.phase !== "open" || this.response.headersSent;
  }

  get canSetHeaders(): boolean {
    return this.phase === "held" || !this.started;
  }

  get bypassed(): boolean {
    return this.phase === "open" && this.response.headersSent;
  }

  getHeader(name: string): string | undefined {
    const value = this.response.getHeader(name);
    if (value === undefined) return undefined;
    return typeof value === "object" ? value.join(", ") : String(value);
  }

  setHeader(name: string, value: string): void {
    this.#withOpenHeaders(() => this.response.setHeader(name, value));
  }

  appendHeader(name: string, value: string): void {
    this.#withOpenHeaders(() => appendHeader(this.response, name, value));
  }

  takeBack(): void {
    if (this.started) return;
    restoreHeaders(this.response, this.#entry);
    dropAnswer(this.response);
  }

  #withOpenHeaders(change: () => unknown): void {
    if (this.phase !== "held") {
      change();
      return;
    }
    unveilHeaders(this.response);
    try {
      change();
    } finally {
      veilHeaders(this.response);
    }
  }

  /**
   * The application begins to answer, with headers that are on the message already. Leaves the phase at `held`, or at
   * `passing` when there is nothing to wait for. `explicit` is a `writeHead`; everything else makes its own headers.
   */
  begin(how: "explicit" | "implicit"): void {
    const { response } = this;
    if (response.headersSent) {
      this.phase = "passing";
      return;
    }
    const pending = attempt(() => this.hooks.start(response.statusCode, how));
    if (pending === undefined) {
      this.phase = "passing";
      return;
    }
    this.phase = "held";
    this.#explicit = how === "explicit";
    this.#status = response.statusCode;
    if (!response.stream) this.#message = response.statusMessage;
    veilHeaders(response);
    // HTTP/2 sends headers at once: a destroy that came after them would not have kept them back.
    if (response.stream) deferDestroy(response);
    pending.then(
      () => this.#release(),
      (error: unknown) => this.#startFailed(error),
    );
  }

  /** Keeps a call for later. For a `write`, answers whether the application may go on. */
  keep(kind: HeldCall["kind"], args: Arguments): boolean {
    this.#calls.push({ kind, args });
    if (kind === "end") this.#keepEnd();
    if (this.phase === "held") this.hooks.kept?.();
    if (kind !== "write") return true;
    this.#bytes += sizeOf(args);
    if (this.#bytes <= HELD_BYTES) return true;
    if (!this.#owesDrain) veilDrain(this.response);
    this.#owesDrain = true;
    return false;
  }

  /** The real end of a response that passes: at once, or after `late`. */
  finish(args: Arguments): void {
    this.ended = true;
    const late = this.late();
    if (!late) {
      this.previous.end.apply(this.response, [...args]);
      return;
    }
    this.phase = "ending";
    this.#calls = [{ kind: "end", args }];
    this.#keepEnd();
    const end = (): void => this.#endNow();
    late.then(end, end);
  }

  /** HTTP/2 resets a stream on a write after its end. The held end goes first, as it would have. */
  resetAfterEnd(error: Error): void {
    this.#reset = error;
  }

  /** Lets the owner commit what came after the start; one at a time. */
  late(): Promise<void> | undefined {
    const running = this.#late;
    const late = running ? running.then(() => this.hooks.late()) : attempt(() => this.hooks.late());
    if (!late) return undefined;
    // Reporting is the owner's affair: here it only matters that it is over.
    const settled = late.then(nothing, nothing).then(() => {
      if (this.#late === settled) this.#late = undefined;
    });
    this.#late = settled;
    return settled;
  }

  /** The response closed. Commits in progress go on by themselves. */
  closed(): void {
    // Headers that went past the hold are a start that it did not see.
    if (this.phase === "open" && !this.bypassed) attempt(() => this.hooks.abandoned())?.catch(nothing);
    else if ((this.phase === "passing" || this.bypassed) && !this.ended) void this.late();
  }

  #keepEnd(): void {
    this.ended = true;
    veilEnd(this.response);
    deferDestroy(this.response);
  }

  #release(): void {
    const { response, previous } = this;
    const endHeld = this.ended;
    unveilHeaders(response);
    if (endHeld) unveilEnd(response);
    this.phase = "replaying";
    try {
      this.#freeze();
      // On HTTP/2 nothing hangs on who makes the headers, and compression 1.7 cannot make them there.
      if (this.#explicit || response.stream) previous.writeHead.call(response, this.#status);
      this.#replay();
    } catch (error) {
      this.#refused(error);
    }
  }

  /** Status and reason go out as they stood when the application began to answer. */
  #freeze(): void {
    const { response } = this;
    if (response.statusCode !== this.#status) response.statusCode = this.#status;
    if (!response.stream && response.statusMessage !== this.#message) response.statusMessage = this.#message;
  }

  #replay(): void {
    const first = this.#calls[0];
    let drainComes = false;
    for (let call = this.#calls.shift(); call; call = this.#calls.shift()) {
      if (call.kind === "end") {
        this.#replayEnd(call, call === first && !this.#explicit);
        return;
      }
      const { response, previous } = this;
      if (call.kind === "flushHeaders") {
        previous.flushHeaders.call(response);
        continue;
      }
      // Middleware that returns nothing promises no drain.
      const taken: unknown = previous.write.apply(response, [...call.args]);
      if (taken === false) drainComes = true;
    }
    this.phase = "passing";
    letDestroy(this.response);
    this.#settleDrain(drainComes);
  }

  #replayEnd(call: HeldCall, startedByEnd: boolean): void {
    this.phase = "passing";
    if (!startedByEnd) {
      this.finish(call.args);
      if (this.phase !== "passing") return;
    } else {
      this.previous.end.apply(this.response, [...call.args]);
    }
    this.#afterEnd();
  }

  #afterEnd(): void {
    if (this.#reset) this.response.destroy(this.#reset);
    letDestroy(this.response);
  }

  #endNow(): void {
    const [call] = this.#calls;
    this.#calls = [];
    unveilEnd(this.response);
    this.phase = "passing";
    try {
      if (call) this.previous.end.apply(this.response, [...call.args]);
    } catch (error) {
      this.#refused(error);
    }
    this.#afterEnd();
  }

  /**
   * Calls those who wait for `drain`, unless Node is going to. Not by emitting: the listeners may have been moved to a
   * stream of compression, which has nothing to drain, and both would wait for ever.
   */
  #settleDrain(drainComes: boolean): void {
    const strays = this.strayDrains ?? [];
    this.strayDrains = undefined;
    if (!this.#owesDrain) return;
    this.#owesDrain = false;
    unveilDrain(this.response);
    if (drainComes) return;
    const listeners = new Set([...this.response.rawListeners("drain"), ...strays]);
    for (const listener of listeners) listener.call(this.response);
  }

  /** Node refused, at the moment of sending, what it had no way to refuse when the application called. */
  #refused(error: unknown): void {
    if (!this.response.headersSent) {
      this.#fail(error, { ...this.#render(error), status: 500 });
      return;
    }
    refuseCalls(
      this.#calls.map((call) => call.args),
      error,
    );
    this.failure = error;
    this.phase = "failed";
    this.response.destroy();
    letDestroy(this.response);
  }

  #render(error: unknown): Failure {
    try {
      return this.hooks.renderFailure?.(error) ?? plainFailure(error);
    } catch {
      return plainFailure(error);
    }
  }

  #startFailed(error: unknown): void {
    const again = this.ended ? this.#reopen(error) : undefined;
    if (again) again();
    else this.#fail(error, this.#render(error));
  }

  #reopen(error: unknown): (() => void) | undefined {
    const again = this.hooks.reopen?.(error);
    if (again === undefined) return undefined;
    const { response } = this;
    const dropped = this.#drop();
    dropAnswer(response);
    response.statusCode = 200;
    if (!response.stream) response.statusMessage = undefined;
    this.phase = "open";
    this.ended = false;
    this.#bytes = 0;
    refuseCalls(dropped, error);
    this.#settleDrain(false);
    return again;
  }

  /** Lets go of the answer that was begun. */
  #drop(): Arguments[] {
    const { response } = this;
    const dropped = this.#calls.map((call) => call.args);
    this.#calls = [];
    if (this.phase === "held") unveilHeaders(response);
    if (this.ended) unveilEnd(response);
    for (const source of this.sources ?? []) releaseSource(source, response);
    return dropped;
  }

  #fail(error: unknown, failure: Failure): void {
    const { response } = this;
    const dropped = this.#drop();
    // What the answer itself provokes has to pass.
    this.phase = "passing";
    this.#answer(failure, error);
    this.failure = error;
    this.phase = "failed";
    this.ended = true;
    letDestroy(response);
    refuseCalls(dropped, error);
    this.#settleDrain(false);
  }

  #answer(failure: Failure, error: unknown): void {
    const { response } = this;
    for (const attemptOne of [failure, plainFailure(error)]) {
      try {
        restoreHeaders(response, this.#entry);
        setFailure(response, attemptOne);
        this.#send(attemptOne);
        return;
      } catch {
        if (response.headersSent) break;
      }
    }
    response.destroy();
  }

  /** In small steps: HTTP/2's `end(body)` goes by `this.write`, which is the application's compression. */
  #send(failure: Failure): void {
    const { response, previous } = this;
    previous.writeHead.call(response, failure.status);
    if (response.req.method !== "HEAD") previous.write.call(response, failure.body);
    previous.end.call(response);
  }
}

/** What a hook returned; a throw is a rejection. */
function attempt(hook: () => void | Promise<void>): Promise<void> | undefined {
  try {
    return hook() ?? undefined;
  } catch (error) {
    return Promise.reject(error);
  }
}

function nothing(): void {}
