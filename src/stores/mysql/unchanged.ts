/** Remembers of connections of mysql2 how much was sent on each when we last had it, which tells whether somebody used it since. */
export class Unchanged {
  readonly #sent = new WeakMap<object, number>();

  holds(inner: object): boolean {
    const sent = sentOn(inner);
    return sent !== undefined && this.#sent.get(inner) === sent;
  }

  note(inner: object): void {
    const sent = sentOn(inner);
    if (sent !== undefined) this.#sent.set(inner, sent);
  }

  forget(inner: object): void {
    this.#sent.delete(inner);
  }
}

/** Bytes so far; nothing where the application made the stream itself, of a kind that does not count. */
function sentOn(inner: object): number | undefined {
  const stream: unknown = Reflect.get(inner, "stream");
  const sent: unknown =
    typeof stream === "object" && stream !== null ? Reflect.get(stream, "bytesWritten") : undefined;
  return typeof sent === "number" ? sent : undefined;
}
