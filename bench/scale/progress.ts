/** Tells on standard error how far something is: one line that changes on a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #weight: number;
  readonly #started = performance.now();
  readonly #everyMs: number = process.stderr.isTTY ? 200 : 15_000;
  #told = performance.now();
  #calls = 0;
  #done = 0;

  /** @param weight for how many each advance stands; none is told with 0. */
  constructor(what: string, total: number, weight = 1) {
    this.#what = what;
    this.#total = total;
    this.#weight = weight;
  }

  advance(): void {
    this.#calls += 1;
    this.#done = this.#calls * this.#weight;
    // A look at the clock for every session would be part of what is measured.
    if (this.#done === 0 || this.#calls % 256 !== 0 || performance.now() - this.#told < this.#everyMs) return;
    this.#told = performance.now();
    const perSecond = this.#perSecond();
    const left = Math.ceil((this.#total - this.#done) / perSecond);
    this.#write(`${this.#done} of ${this.#total}, ${Math.round(perSecond)} a second, ${left} s left`);
  }

  /** Tells of the whole, once it is done. */
  end(): void {
    if (this.#weight === 0) return;
    this.#done = this.#total;
    const seconds = (performance.now() - this.#started) / 1000;
    this.#write(`${this.#done} in ${seconds.toFixed(1)} s, ${Math.round(this.#perSecond())} a second`);
    if (process.stderr.isTTY) process.stderr.write("\n");
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
