import type { Destroyable, Http2Stream, NodeResponse } from "./node-hold-types.ts";

/**
 * `res.end(); throw` makes Express, by its final handler, destroy the socket. Without a hold the answer is with the
 * kernel by then and arrives. So a destroy that comes after a held end waits for that end, and takes place right after.
 *
 * Only what could still be delivered is protected: an error, a client that left, `res.destroy()` go through at once.
 */
const GUARD: unique symbol = Symbol("holdfast.guard");

interface Guard {
  readonly destroy: Destroyable["destroy"];
  /** Responses of this connection that it has to wait for: a pipeline has several. */
  readonly ends: Set<NodeResponse>;
  wanted: boolean;
}

type Guarded = Destroyable & { [GUARD]?: Guard };

/** Makes an unforced destroy of the connection wait until {@link letDestroy}. */
export function deferDestroy(response: NodeResponse): void {
  const target = targetOf(response);
  if (!target) return;
  guardOf(target).ends.add(response);
  if (response.stream) response.destroy = destroyAtOnce;
}

/** The end has taken place: a destroy that waited for it follows now. */
export function letDestroy(response: NodeResponse): void {
  const target = targetOf(response);
  const guard = target?.[GUARD];
  if (!target || !guard?.ends.delete(response)) return;
  if (guard.ends.size > 0 || !guard.wanted) return;
  guard.wanted = false;
  target.destroy();
}

function targetOf(response: NodeResponse): Guarded | undefined {
  return response.stream ?? response.req.socket;
}

/** One guard a connection, left in place: it outlives the response where connections are kept alive. */
function guardOf(target: Guarded): Guard {
  const present = target[GUARD];
  if (present) return present;
  const guard: Guard = { destroy: target.destroy, ends: new Set(), wanted: false };
  target[GUARD] = guard;
  target.destroy = destroyLater;
  return guard;
}

function destroyLater(this: Guarded, error?: Error): unknown {
  const guard = this[GUARD] as Guard;
  if (error !== undefined || guard.ends.size === 0 || !deliverable(this, guard))
    return guard.destroy.call(this, error);
  guard.wanted = true;
  return this;
}

/** HTTP/2 destroys a response through its stream, which could not tell this from a destroy of the connection. */
function destroyAtOnce(this: NodeResponse, error?: Error): unknown {
  if (this.stream) (this.stream as Guarded)[GUARD]?.ends.delete(this);
  const { destroy } = Object.getPrototypeOf(this) as NodeResponse;
  return destroy.call(this, error);
}

function deliverable(target: Guarded, guard: Guard): boolean {
  if (!target.writable || (target as Partial<Http2Stream>).closed) return false;
  for (const response of guard.ends) if (response.destroyed) return false;
  return true;
}
