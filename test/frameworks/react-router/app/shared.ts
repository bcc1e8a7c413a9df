import type { MiddlewareFunction, RouterContext } from "react-router";

/** What a test has put into the context of a request. */
export interface App {
  readonly middleware: readonly MiddlewareFunction<Response>[];
  /** What loaders and actions do, by name. */
  readonly handlers: Readonly<Record<string, (args: unknown) => unknown>>;
  failed(error: unknown, args: unknown): void;
}

const places = globalThis as unknown as Record<symbol, RouterContext<App | null> | undefined>;

/** The key that tests and the built application share. */
export const key: RouterContext<App | null> = (places[Symbol.for("holdfast.test.react-router")] ??= {
  defaultValue: null,
});

interface Reader {
  readonly context: { get<T>(key: RouterContext<T>): T };
}

/** Does what the test says under this name. */
export async function handle(name: string, args: Reader): Promise<unknown> {
  return (await args.context.get(key)?.handlers[name]?.(args)) ?? null;
}
