import { Agent, request } from "node:http";

export interface Answered {
  readonly status: number;
  readonly text: string;
}

/** One browser: keeps what cookies it is given, and sends them. Requests of one may overlap. */
export class Visitor {
  readonly #url: string;
  readonly #agent: Agent;
  readonly #cookies = new Map<string, string>();

  readonly #memory: "remembers" | "forgets";

  /**
   * @param connections how many it holds open at most.
   * @param memory whether it keeps what cookies it is given, or comes as a new one each time.
   */
  constructor(url: string, connections = 1, memory: "remembers" | "forgets" = "remembers") {
    this.#url = url;
    this.#memory = memory;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** The header that it sends now; empty for a new one. */
  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  async ask(method: "GET" | "POST", path: string): Promise<Answered> {
    const { cookie } = this;
    const headers = { ...(cookie !== "" && { cookie }), ...(method === "POST" && { "content-length": "0" }) };
    return await new Promise((resolve, reject) => {
      const asked = request(`${this.#url}${path}`, { method, headers, agent: this.#agent }, (response) => {
        for (const line of response.headers["set-cookie"] ?? []) this.#take(line);
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => (text += part));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", reject);
      });
      asked.on("error", reject);
      asked.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #take(line: string): void {
    const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
    if (name === undefined || value === undefined || this.#memory === "forgets") return;
    if (value === "") this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}

const NO_SESSION = `sid=${"-".repeat(64)}`;

/** Makes visitors whose sessions hold so much, and gives their cookies. Rejects with the status when the server refuses. */
export async function preparedCookies(
  url: string,
  count: number,
  { bytes, fields }: { readonly bytes: number; readonly fields: number },
): Promise<string[]> {
  const cookies: string[] = [];
  for (let made = 0; made < count; made += 1) {
    const visitor = new Visitor(url);
    const { status } = await visitor.ask("POST", `/prepare?bytes=${bytes}&fields=${fields}`);
    visitor.close();
    if (status !== 200) throw new Error(`A session of ${bytes} bytes was answered with ${status}.`);
    // A server without sessions gets as long a header as the others.
    cookies.push(visitor.cookie === "" ? NO_SESSION : visitor.cookie);
  }
  return cookies;
}
