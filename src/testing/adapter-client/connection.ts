import { connect, type Socket } from "node:net";

import { Reply } from "./reply.ts";

/**
 * One connection to an HTTP/1.1 server, driven by hand. It sees bytes as they come: interim answers, what comes before
 * a commit, answers that are cut.
 */
export class Connection {
  readonly #socket: Socket;
  #buffer = "";
  #received = 0;
  #closed = false;
  #watchers: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.#buffer += text;
      this.#received += text.length;
      this.#wake();
    });
    // A reset is a way to close; what was awaited then tells of it.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
  }

  /** Connects to an origin such as `http://127.0.0.1:4711`. */
  static open(origin: string): Promise<Connection> {
    const { hostname, port } = new URL(origin);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Connection(socket));
      });
    });
  }

  /** How many bytes came so far. */
  get received(): number {
    return this.#received;
  }

  /** Sends text, each character one byte. */
  write(text: string): void {
    this.#socket.write(text, "latin1");
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.#socket.resetAndDestroy();
  }

  /** Takes the next answer, whole. Interim answers (1xx) are passed over. Rejects when the connection closes before its end. */
  async reply(method = "GET"): Promise<Reply> {
    const head = await this.head();
    return head.withBody(await this.#body(head, method));
  }

  /** Takes the status line and headers of the next answer. */
  async head(): Promise<Reply> {
    for (;;) {
      const end = await this.#find("\r\n\r\n");
      const head = Reply.parse(this.#take(end + 4));
      if (head.status >= 200 || head.status === 101) return head;
    }
  }

  /** Waits until the text is in what came and was not taken. */
  async until(text: string): Promise<void> {
    await this.#find(text);
  }

  /** Waits for the other end to close, and gives what came and was not taken. */
  async rest(): Promise<string> {
    while (!this.#closed) await this.#more();
    return this.#take(this.#buffer.length);
  }

  async #body(head: Reply, method: string): Promise<string> {
    if (method === "HEAD" || head.status === 204 || head.status === 304) return "";
    if (head.header("transfer-encoding")?.toLowerCase() === "chunked") return await this.#chunks();
    const length = head.header("content-length");
    return length === undefined ? await this.rest() : await this.#exactly(Number(length));
  }

  async #chunks(): Promise<string> {
    let body = "";
    for (;;) {
      const size = Number.parseInt(this.#take((await this.#find("\r\n")) + 2), 16);
      if (Number.isNaN(size)) throw new Error("a chunk has no size");
      if (size === 0) {
        await this.#exactly(2);
        return body;
      }
      body += await this.#exactly(size);
      await this.#exactly(2);
    }
  }

  async #exactly(length: number): Promise<string> {
    while (this.#buffer.length < length) await this.#orClosed();
    return this.#take(length);
  }

  async #find(text: string): Promise<number> {
    for (;;) {
      const at = this.#buffer.indexOf(text);
      if (at >= 0) return at;
      await this.#orClosed();
    }
  }

  async #orClosed(): Promise<void> {
    if (this.#closed) throw new Error("the connection closed before the answer was complete");
    await this.#more();
  }

  #take(length: number): string {
    const taken = this.#buffer.slice(0, length);
    this.#buffer = this.#buffer.slice(length);
    return taken;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => void this.#watchers.push(resolve));
  }

  #wake(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}
