/** What is called of the socket of a client that writes each command by itself. */
interface Corkable {
  cork(): void;
  uncork(): void;
}

/**
 * Has the commands of one turn of the event loop leave in one write, as node-redis has by itself: each write is a call of the operating
 * system here, and another at the server. ioredis has an option for that, which is the application's.
 */
export class Gathered {
  readonly #corked = new WeakSet<object>();

  /** To be called before a command is handed to the client, with the client's socket if it has one. */
  begin(socket: unknown): void {
    if (!isCorkable(socket) || this.#corked.has(socket)) return;
    this.#corked.add(socket);
    socket.cork();
    setImmediate(() => {
      this.#corked.delete(socket);
      socket.uncork();
    });
  }
}

function isCorkable(socket: unknown): socket is Corkable {
  return typeof socket === "object" && socket !== null && "cork" in socket && "uncork" in socket;
}
