/** What every server of the comparison answers, whatever its framework and its sessions are. */
export interface Handlers<Context> {
  /** A visitor without a cookie: looks for a user, and finds none. */
  anonymous(context: Context): Answer;
  /** Reads one field. */
  read(context: Context): Answer;
  /** Writes one small field. */
  write(context: Context): Answer;
  /** Logs a user in, under a new secret. */
  login(context: Context): Answer;
  /** Adds one to a counter, with a turn of the event loop before it as a handler has that asks a database. */
  count(context: Context): Answer;
  /** What the counter is. */
  total(context: Context): Answer;
  /** Fills the session: so many bytes in so many fields. */
  prepare(context: Context, bytes: number, fields: number): Answer;
}

export type Answer = string | Promise<string>;

export type Work = keyof Handlers<unknown>;

/** Where each is, by method and path. */
export const ROUTES: Readonly<Record<Work, "GET" | "POST">> = {
  anonymous: "GET",
  read: "GET",
  write: "POST",
  login: "POST",
  count: "POST",
  total: "GET",
  prepare: "POST",
};

/** How a framework serves handlers: what it makes of them listens on a free port of this machine. */
export interface Framework<Context> {
  serve(handlers: Handlers<Context>): Promise<number>;
  /** For what is done by hand. */
  cookies(context: Context): string;
  setCookie(context: Context, cookie: string): void;
}

/** Reads what `/prepare?bytes=200&fields=1` asks for. */
export function sizesOf(url: string): [bytes: number, fields: number] {
  const query = new URLSearchParams(url.slice(url.indexOf("?") + 1));
  return [Number(query.get("bytes")), Number(query.get("fields"))];
}

/** What a web site keeps in a session: things in a cart, about 60 bytes each as JSON. */
export interface Good {
  readonly id: string;
  readonly name: string;
  readonly price: number;
  readonly quantity: number;
}

/** The fields `part0`, `part1` and so on, of so many bytes together. */
export function partsOf(bytes: number, fields: number): Record<string, Good[]> {
  const each = Math.max(1, Math.round(bytes / fields / 65));
  return Object.fromEntries(
    Array.from({ length: fields }, (_, part) => [`part${part}`, goodsOf(part, each)]),
  );
}

function goodsOf(part: number, count: number): Good[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `good-${part}-${index}`,
    name: NAMES[(part + index) % NAMES.length] as string,
    price: 995 + index,
    quantity: 1 + (index % 3),
  }));
}

const NAMES = ["Rope, 12 mm", "Lantern", "Compass", "Oilskin", "Marlinspike"];

/** What a session without its contents is: never a fast answer. */
export function nameOf(part: readonly Good[] | undefined | null): string {
  const name = part?.[0]?.name;
  if (name === undefined) throw new Error("The session is empty.");
  return name;
}

let users = 0;

/** A user of whom nobody else has heard, of ten thousand. */
export function nextUser(): string {
  users += 1;
  return `user-${users % 10_000}`;
}

let writes = 0;

export function nextValue(): number {
  writes += 1;
  return writes;
}

/** Lets everything else go first. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
