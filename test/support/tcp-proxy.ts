import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { type Direction, fairWeather } from "./tcp-proxy/flow.ts";
import { Line, type Loss, type Rules } from "./tcp-proxy/line.ts";

/** A TCP proxy on this machine, between a client and a server, that does what networks do. */
export class TcpProxy {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly #target: number;
  readonly #rules: Rules;
  readonly #lines: Set<Line>;
  #server: Server | null;

  private constructor(target: number, server: Server, rules: Rules, lines: Set<Line>) {
    this.#target = target;
    this.#server = server;
    this.#rules = rules;
    this.#lines = lines;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Listens on a free port for a server at `target` that may, but need not, run already. */
  static async start(target: number): Promise<TcpProxy> {
    const rules: Rules = {
      requests: fairWeather(),
      replies: fairWeather(),
      allowance: null,
      losses: [],
    };
    const lines = new Set<Line>();
    return new TcpProxy(target, await listener(target, 0, rules, lines), rules, lines);
  }

  /** How many connections clients hold open. */
  get connections(): number {
    return [...this.#lines].filter((line) => line.isHeld).length;
  }

  /** How many bytes vanished that way since the last `heal`. */
  lost(direction: Direction): number {
    return this.#rules[direction].lost;
  }

  /** Everything takes so much longer, each way. */
  delay(ms: number): void {
    this.#rules.requests.delayMs = ms;
    this.#rules.replies.delayMs = ms;
  }

  /** What goes that way waits until `heal`, as in a network that is down for a while and sends again. */
  hold(direction: Direction): void {
    this.#rules[direction].held = true;
  }

  /**
   * What goes that way is lost. A connection that lost something stays open and deaf, after `heal` too, as when a
   * machine on the way forgot it; new ones are well again then.
   */
  swallow(direction: Direction): void {
    this.#rules[direction].swallowed = true;
  }

  /** Cuts every connection that is open now. New ones are welcome. */
  cut(): void {
    for (const line of this.#lines) line.cut();
  }

  /** Cuts those that lost something, as a system does at last. */
  cutDeaf(): void {
    for (const line of this.#lines) if (line.isDeaf) line.cut();
  }

  /** Cuts each connection after so many more bytes of replies; asked once for each. */
  cutReplies(after: () => number): void {
    this.#rules.allowance = after;
  }

  /**
   * Loses one reply: that to the next request whose bytes match. The request is passed on and its answer awaited, so
   * that it is known to have been carried out; then the connection is cut, or stays open and silent.
   *
   * @returns What resolves when the reply was lost.
   */
  loseReply(matches: Loss["matches"], instead: Loss["instead"]): Promise<void> {
    for (const line of this.#lines) line.forget();
    return new Promise((lost) => void this.#rules.losses.push({ matches, instead, lost }));
  }

  /** Refuses new connections, as where nothing listens. Those that are open stay. */
  refuse(): void {
    this.#server?.close();
    this.#server = null;
  }

  /** Ends all trouble, but for connections that lost bytes. */
  async heal(): Promise<void> {
    Object.assign(this.#rules.requests, fairWeather());
    Object.assign(this.#rules.replies, fairWeather());
    this.#rules.allowance = null;
    this.#rules.losses.length = 0;
    for (const line of this.#lines) line.flow();
    this.#server ??= await listener(this.#target, this.port, this.#rules, this.#lines);
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    const closed = new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
    this.cut();
    await closed;
  }
}

function listener(target: number, port: number, rules: Rules, lines: Set<Line>): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true });
    const line = new Line(client, upstream, rules, () => void lines.delete(line));
    lines.add(line);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
