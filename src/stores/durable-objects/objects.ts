import { createHash } from "node:crypto";
import { newerFormat, SessionError } from "../../core/errors.ts";
import type { Call } from "../../core/store.ts";
import type { Answers, IndexMessage, Message, RecordMessage, Reply } from "./messages.ts";

/** What is called of the binding of a Durable Object namespace. */
export interface SessionObjectNamespace {
  idFromName(name: string): object;
  get(id: object): object;
}

/** What the namespace gives, whatever its types say of it. */
interface Stub {
  fetch(url: string, init: { readonly method: string; readonly body: string }): Promise<Response>;
}

/** An error of the platform's that says of itself whether asking again can help. */
interface PlatformError {
  readonly retryable?: boolean;
  readonly overloaded?: boolean;
}

const TRIES = 3;

/** The objects of one store, by what they keep. */
export class Objects {
  readonly #namespace: SessionObjectNamespace;
  readonly #prefix: string;

  constructor(namespace: SessionObjectNamespace, prefix: string) {
    this.#namespace = namespace;
    this.#prefix = prefix;
  }

  /** Asks the object of a record. Rejects with `ERR_SESSION_CORRUPT` or `ERR_SESSION_FORMAT` when it keeps none that is understood. */
  async record<Op extends RecordMessage["op"]>(
    id: string,
    message: Extract<RecordMessage, { readonly op: Op }>,
    call: Call,
  ): Promise<Answers[Op]> {
    return await this.#ask(`${this.#prefix}record:${id}`, message, call);
  }

  /** Asks the object of a label. Its name says nothing of the label, which may be a user's name. */
  async index<Op extends IndexMessage["op"]>(
    label: string,
    message: Extract<IndexMessage, { readonly op: Op }>,
    call: Call,
  ): Promise<Answers[Op]> {
    const name = createHash("sha256").update(label).digest("base64url");
    return await this.#ask(`${this.#prefix}label:${name}`, message, call);
  }

  async #ask<Answer>(name: string, message: Message, call: Call): Promise<Answer> {
    const repeatable = message.op === "read" || message.op === "page";
    for (let attempt = 1; ; attempt += 1) {
      call.signal.throwIfAborted();
      try {
        return answerOf(await this.#send(name, message)) as Answer;
      } catch (error) {
        const { retryable, overloaded } = error as PlatformError;
        if (!repeatable || attempt === TRIES || retryable !== true || overloaded === true) throw error;
      }
    }
  }

  /** Without the call's signal: what was sent cannot be taken back, and an answer given up would leave open what was done. */
  async #send(name: string, message: Message): Promise<Reply> {
    // A stub of its own: after an error the platform wants a new one, and one request's must not serve another.
    const stub = this.#namespace.get(this.#namespace.idFromName(name)) as Stub;
    const response = await stub.fetch("https://session.object/", {
      method: "POST",
      body: JSON.stringify(message),
    });
    if (response.ok) return (await response.json()) as Reply;
    await response.body?.cancel();
    throw new Error(`A session's object answered with status ${response.status}.`);
  }
}

function answerOf(reply: Reply): unknown {
  switch (reply.kind) {
    case "answer":
      return reply.answer;
    case "newer":
      throw newerFormat();
    case "corrupt":
      throw new SessionError("ERR_SESSION_CORRUPT", "What a session's object keeps is not a record.");
  }
}
