import type { ExecutionContextLike } from "./context.ts";

/** Under these Nest keeps what decorators say of a handler; the same in all versions. */
const RENDER = "__renderTemplate__";
const SSE = "__sse__";
const ARGUMENTS = "__routeArguments__";
const PASSTHROUGH = "__responsePassthrough__";

/** Of the kinds of a handler's arguments, `@Res()` and `@Next()`. */
const ANSWERING = /^[12]:/;

interface Metadata {
  getMetadata(key: string, target: object, property?: string): unknown;
}

const answered: WeakMap<object, Map<object, boolean>> = new WeakMap();

/**
 * Whether Nest itself is going to answer with what the handler returned, so that nothing unexpected comes between: no
 * template that is yet to be rendered, no stream, no handler that has the response and answers when it likes.
 */
export function isAnsweredByNest(context: ExecutionContextLike): boolean {
  const target = context.getClass();
  const handler = context.getHandler();
  const known = answered.get(target) ?? new Map<object, boolean>();
  answered.set(target, known);
  const answer = known.get(handler) ?? judge(target, handler);
  known.set(handler, answer);
  return answer;
}

function judge(target: object, handler: object): boolean {
  const { getMetadata } = Reflect as unknown as Metadata;
  if (getMetadata(RENDER, handler) !== undefined || getMetadata(SSE, handler) === true) return false;
  const name = nameOf(target, handler);
  // Of a handler that stands nowhere in its class nothing is known.
  if (name === undefined) return false;
  if (getMetadata(PASSTHROUGH, target, name) === true) return true;
  return !Object.keys(getMetadata(ARGUMENTS, target, name) ?? {}).some((key) => ANSWERING.test(key));
}

/** The name under which a class has a handler. The function's own may be that of a decorator which wrapped it. */
function nameOf(target: object, handler: object): string | undefined {
  let prototype: object | null = (target as { readonly prototype: object }).prototype;
  while (prototype !== null && prototype !== Object.prototype) {
    const found = Object.entries(Object.getOwnPropertyDescriptors(prototype)).find(
      ([, { value }]) => value === handler,
    );
    if (found !== undefined) return found[0];
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return undefined;
}
