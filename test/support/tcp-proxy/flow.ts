import type { Socket } from "node:net";

/** Which way bytes go: requests from the client to the server, replies back. */
export type Direction = "requests" | "replies";

/** What happens to bytes that go one way, for every connection alike. Changed while they go. */
export interface Weather {
  delayMs: number;
  /** Bytes wait until it is over. */
  held: boolean;
  /** Bytes vanish. A connection that lost some stays deaf in that direction: nothing makes its stream whole again. */
  swallowed: boolean;
  /** How many bytes vanished so far. */
  lost: number;
}

export function fairWeather(): Weather {
  return { delayMs: 0, held: false, swallowed: false, lost: 0 };
}

interface Parcel {
  /** `null` is the end of the stream. */
  readonly bytes: Buffer | null;
  readonly due: number;
}

/** The bytes of one connection in one direction, in their order. */
export class Flow {
  readonly #to: Socket;
  readonly #weather: Weather;
  readonly #waiting: Parcel[] = [];
  #timer: NodeJS.Timeout | null = null;
  #deaf = false;

  constructor(to: Socket, weather: Weather) {
    this.#to = to;
    this.#weather = weather;
  }

  get isDeaf(): boolean {
    return this.#deaf;
  }

  pass(bytes: Buffer): void {
    if (this.#weather.swallowed) this.deafen();
    if (this.#deaf) return void (this.#weather.lost += bytes.length);
    this.#waiting.push({ bytes, due: Date.now() + this.#weather.delayMs });
    this.flow();
  }

  /** The sender is gone. Who loses bytes on the way does not learn of that either. */
  end(): void {
    if (this.#deaf || this.#weather.swallowed) return;
    this.#waiting.push({ bytes: null, due: Date.now() + this.#weather.delayMs });
    this.flow();
  }

  /** Loses what waits and all that comes. */
  deafen(): void {
    this.#deaf = true;
    this.#waiting.length = 0;
  }

  /** Passes on what is due. */
  flow(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    while (!this.#weather.held) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      const wait = next.due - Date.now();
      if (wait > 0) return void (this.#timer = setTimeout(() => this.flow(), wait));
      this.#waiting.shift();
      if (next.bytes !== null) this.#to.write(next.bytes);
      else this.#to.destroySoon();
    }
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }
}
