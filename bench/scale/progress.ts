/** Tells on standard error how far something is: one line that changes on a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #started = performance.now();
  readonly #everyMs: number = process.stderr.isTTY ? 200 : 15_000;
  #told = performance.now();
  #done = 0;

  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
  }

  advance(): void {
    this.#done += 1;
    // A look at the clock for every session would be part of what is measured.
    if (this.#done % 256 !== 0 || performance.now() - this.#told < this.#everyMs) return;
    this.#told = performance.now();
    const perSecond = this.#perSecond();
    const left = Math.ceil((this.#total - this.#done) / perSecond);
    this.#write(`${this.#done} of ${this.#total}, ${Math.round(perSecond)} a second, ${left} s left`);
  }

  /** Ends the line, and gives how long it took. */
  end(): { readonly seconds: number; readonly perSecond: number } {
    const seconds = (performance.now() - this.#started) / 1000;
    const perSecond = Math.round(this.#perSecond());
    this.#write(`${this.#done} in ${seconds.toFixed(1)} s, ${perSecond} a second`);
    if (process.stderr.isTTY) process.stderr.write("\n");
    return { seconds: Number(seconds.toFixed(2)), perSecond };
  }

  #perSecond(): number {
    return this.#done / Math.max(0.001, (performance.now() - this.#started) / 1000);
  }

  #write(text: string): void {
    const line = `${this.#what}: ${text}`;
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
  }
}

/** Tells what is done now. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
