/** An answer as it came over the wire. */
export class Reply {
  readonly status: number;
  readonly reason: string;
  /** In order, names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;

  constructor(
    status: number,
    reason: string,
    headers: readonly (readonly [name: string, value: string])[],
    body: string,
  ) {
    this.status = status;
    this.reason = reason;
    this.headers = headers;
    this.body = body;
  }

  /** Reads a status line and headers. */
  static parse(head: string): Reply {
    const [first = "", ...lines] = head.trimEnd().split("\r\n");
    const match = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(first);
    if (match === null) throw new Error(`not the beginning of an answer: ${JSON.stringify(first)}`);
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    return new Reply(Number(match[1]), match[2] ?? "", headers, "");
  }

  static async of(response: Response): Promise<Reply> {
    return new Reply(
      response.status,
      response.statusText,
      [...response.headers].map(([name, value]) => [name.toLowerCase(), value] as const),
      await response.text(),
    );
  }

  withBody(body: string): Reply {
    return new Reply(this.status, this.reason, this.headers, body);
  }

  /** All values of a header. */
  all(name: string): string[] {
    return this.headers.filter(([one]) => one === name).map(([, value]) => value);
  }

  /** The value of a header; several joined by a comma. */
  header(name: string): string | undefined {
    const values = this.all(name);
    return values.length === 0 ? undefined : values.join(", ");
  }

  /** The lines that set cookies. */
  get cookies(): string[] {
    return this.all("set-cookie");
  }

  /** Whether caches are told that the answer depends on the cookie. */
  get variesByCookie(): boolean {
    return /(^|,)\s*cookie\s*(,|$)/i.test(this.header("vary") ?? "");
  }

  /** The body, read as JSON. */
  json(): unknown {
    return JSON.parse(this.body);
  }
}
