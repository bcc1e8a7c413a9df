import type { AnySession, LiveSession } from "../../index.ts";

/** One event of a stream. */
export interface ServerSentEvent {
  /** The event's name, one line; default `message`. */
  readonly event?: string;
  /** The event's text, of any number of lines. */
  readonly data: string;
  /** What the browser sends as `Last-Event-ID` when it connects again; one line. */
  readonly id?: string;
  /** How long the browser is to wait before it connects again, in milliseconds. */
  readonly retry?: number;
}

/**
 * Makes the events of one stream; a text stands for an event with that data. Look at `live.signal`: it aborts when the session ends
 * and when the client leaves.
 */
export type EventsOf<S extends AnySession> = (
  live: LiveSession<S>,
) => AsyncIterable<ServerSentEvent | string>;

export interface PieceRules {
  readonly heartbeatMs: number | null;
  readonly endEvent: string;
}

/** The text of a stream, piece by piece, until the events end, the client leaves or the session ends; the last event tells of that. */
export async function* pieces<S extends AnySession>(
  live: LiveSession<S>,
  events: EventsOf<S>,
  rules: PieceRules,
): AsyncGenerator<string, void, void> {
  let source: Source | null = null;
  try {
    // The head leaves with the first piece, and a browser calls a stream open when it has the head.
    yield ":\n\n";
    if (!live.signal.aborted) source = new Source(events(live));
    while (source !== null && !live.signal.aborted) {
      source.ask();
      await source.answer(live.signal, rules.heartbeatMs);
      if (live.signal.aborted) break;
      const next = source.take();
      if (next === null) yield ":\n\n";
      else if (next.done === true) return;
      else yield textOf(next.value);
    }
    if (live.end !== null) yield textOf({ event: rules.endEvent, data: live.end });
  } finally {
    live.close();
    source?.leave();
  }
}

type Next = IteratorResult<ServerSentEvent | string, unknown>;

/** The events of a stream, one asked for at a time. */
class Source {
  readonly #iterator: AsyncIterator<ServerSentEvent | string, unknown>;
  #asked = false;
  #answer: { readonly next: Next } | { readonly error: unknown } | null = null;
  #wake: () => void = ignore;

  constructor(events: AsyncIterable<ServerSentEvent | string>) {
    this.#iterator = events[Symbol.asyncIterator]();
  }

  /** Asks for the next event, unless that was done before. */
  ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#iterator.next().then(
      (next) => this.#answered({ next }),
      (error: unknown) => this.#answered({ error }),
    );
  }

  /** Resolves when there is one, at the signal, or after so long. */
  answer(signal: AbortSignal, patienceMs: number | null): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(silence);
        signal.removeEventListener("abort", done);
        this.#wake = ignore;
        resolve();
      };
      const silence = patienceMs === null ? undefined : setTimeout(done, patienceMs);
      signal.addEventListener("abort", done);
      this.#wake = done;
      if (this.#answer !== null || signal.aborted) done();
    });
  }

  /** The event that was asked for, or `null` when it is not there yet. */
  take(): Next | null {
    const answer = this.#answer;
    if (answer === null) return null;
    if ("error" in answer) throw answer.error;
    this.#answer = null;
    this.#asked = false;
    return answer.next;
  }

  /** Not waited for: a source that looks at no signal may never come back. What it fails with is nobody's concern any more. */
  leave(): void {
    this.#iterator.return?.().catch(ignore);
  }

  #answered(answer: { readonly next: Next } | { readonly error: unknown }): void {
    this.#answer = answer;
    this.#wake();
  }
}

function textOf(given: ServerSentEvent | string): string {
  const { event, data, id, retry } = typeof given === "string" ? { data: given } : given;
  const head = [
    ...(event === undefined ? [] : [`event: ${oneLine(event)}`]),
    ...(id === undefined ? [] : [`id: ${oneLine(id)}`]),
    ...(retry === undefined ? [] : [`retry: ${Math.max(0, Math.floor(retry))}`]),
  ];
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}`);
  return `${[...head, ...lines].join("\n")}\n\n`;
}

/** A line break would begin a field of its own: what a user typed must not become an event. */
function oneLine(text: string): string {
  if (!/[\r\n\0]/.test(text)) return text;
  throw new TypeError("The name and the id of an event are one line each.");
}

function ignore(): void {}
