import type { Socket } from "node:net";
import { Flow, type Weather } from "./flow.ts";

/** A reply that is to be lost. */
export interface Loss {
  /** Told apart by the bytes of its request, one character a byte. */
  readonly matches: (request: string) => boolean;
  /** What the client sees instead: the end of its connection, or nothing at all. */
  readonly instead: "cut" | "hang";
  readonly lost: () => void;
}

/** What the proxy does to its connections. Changed while they are open. */
export interface Rules {
  readonly requests: Weather;
  readonly replies: Weather;
  /** After how many bytes of replies a connection is cut, asked once a connection. */
  allowance: (() => number) | null;
  readonly losses: Loss[];
}

/** A request that came in pieces is recognised over their border. */
const TAIL = 256;

/** One connection of a client through the proxy to the server. */
export class Line {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #rules: Rules;
  readonly #requests: Flow;
  readonly #replies: Flow;
  #tail = "";
  #left: number | null = null;
  #losing: Loss | null = null;

  /** @param closed Called when both ends are closed. */
  constructor(client: Socket, server: Socket, rules: Rules, closed: () => void) {
    this.#client = client;
    this.#server = server;
    this.#rules = rules;
    this.#requests = new Flow(server, rules.requests);
    this.#replies = new Flow(client, rules.replies);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // The end that follows says all there is to say.
      socket.on("error", () => {});
      socket.on("close", () => {
        if (client.destroyed && server.destroyed) closed();
      });
    }
    client.on("data", (bytes: Buffer) => this.#asked(bytes));
    server.on("data", (bytes: Buffer) => this.#answered(bytes));
    client.on("close", () => this.#requests.end());
    server.on("close", () => this.#ended());
    client.on("end", () => this.#requests.end());
    server.on("end", () => this.#replies.end());
  }

  /** Whether the client holds its end open. */
  get isHeld(): boolean {
    return !this.#client.destroyed && !this.#client.readableEnded;
  }

  /** Recognises nothing any more by what came so far. */
  forget(): void {
    this.#tail = "";
  }

  /** Whether it lost something, so that nothing that comes makes sense any more. */
  get isDeaf(): boolean {
    return this.#requests.isDeaf || this.#replies.isDeaf;
  }

  /** Passes on what waited. */
  flow(): void {
    this.#requests.flow();
    this.#replies.flow();
  }

  /** Ends it for both, as a machine does that lost its state. */
  cut(): void {
    this.#requests.stop();
    this.#replies.stop();
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  #asked(bytes: Buffer): void {
    const text = this.#tail + bytes.toString("latin1");
    this.#tail = text.slice(-TAIL);
    const index = this.#rules.losses.findIndex((loss) => loss.matches(text));
    if (index >= 0) [this.#losing = null] = this.#rules.losses.splice(index, 1);
    this.#requests.pass(bytes);
  }

  #answered(bytes: Buffer): void {
    if (this.#losing !== null) return this.#lose(this.#losing);
    if (this.#rules.allowance === null) this.#left = null;
    else this.#left ??= this.#rules.allowance();
    if (this.#left === null) return this.#replies.pass(bytes);
    this.#left -= bytes.length;
    if (this.#left > 0) return this.#replies.pass(bytes);
    // What the client already has stays readable to it: an orderly end, in the middle of an answer.
    this.#replies.pass(bytes.subarray(0, Math.max(0, bytes.length + this.#left)));
    this.#replies.end();
    this.#server.destroy();
  }

  #ended(): void {
    this.#replies.end();
    // Nobody is left to be kept in the dark.
    if (this.#client.readableEnded) this.#client.destroySoon();
  }

  #lose(loss: Loss): void {
    this.#replies.deafen();
    if (loss.instead === "cut") this.cut();
    loss.lost();
  }
}
