import assert from "node:assert/strict";
import { resolveBound } from "../../../src/bound/options.ts";
import { resolveAtRest } from "../../../src/core/at-rest.ts";
import { resolveMoves } from "../../../src/core/moves.ts";
import { resolveDevices } from "../../../src/devices/options.ts";
import { backChannelLogout, sessionRevoked } from "../../../src/federation.ts";
import { SessionManager } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { parsed, type Target, unlessRefused } from "./target.ts";

const MANAGER = new SessionManager({ store: memoryStore(), sweepEvery: false });

export const OPTION_TARGETS: Readonly<Record<string, Target>> = {
  /** Options of any kind, as JSON: a configuration that cannot work is refused by name, and never by an accident. */
  options(text) {
    const options = parsed(text);
    if (options === undefined) return;
    tried(options as never);
    // Chance seldom leaves JSON whole: every value in it is tried as another kind of value, too.
    if (text.length < 1000) for (const other of spoilt(options)) tried(other as never);
  },
};

function tried(given: never): void {
  const bound = unlessRefused(() => resolveBound(given), "ERR_SESSION_CONFIG");
  if (bound !== undefined) {
    assert.match(bound.path, /^\/[^/]/);
    assert.ok(bound.lifetimes.cookieMs >= 300_000 && bound.lifetimes.cookieMs <= 86_400_000);
    assert.ok(bound.origin === null || new URL(bound.origin).origin === bound.origin);
    assert.ok(!bound.exclude.some(({ domain, path }) => domain === "*" && path === "/"));
    assert.ok(bound.algorithms.length > 0);
    assert.ok(bound.cookie.secure || bound.cookie.name === "bound");
  }
  const devices = unlessRefused(() => resolveDevices(MANAGER, given), "ERR_SESSION_CONFIG");
  for (const page of Object.values(devices?.pages ?? {}))
    if (page !== null) assert.equal(new URL(page, "https://a.example").origin, "https://a.example");
  for (const receiver of [backChannelLogout, sessionRevoked])
    unlessRefused(() => receiver(MANAGER, given), "ERR_SESSION_CONFIG");
  unlessRefused(() => resolveMoves(given), "ERR_SESSION_CONFIG");
  const sealed = unlessRefused(() => resolveAtRest(given, undefined), "ERR_SESSION_CONFIG");
  if (sealed?.seal) assert.ok(sealed.seal.ring.ids.every((id) => /^[A-Za-z0-9_-]{1,16}$/.test(id)));
  unlessRefused(() => resolveAtRest(undefined, given), "ERR_SESSION_CONFIG");
}

const WRONG: readonly unknown[] = [null, 7, -0.5, "", "x", "__proto__", true, [], [null], {}, { length: 1 }];

/** The value with each of its parts replaced by each of the wrong ones. */
function* spoilt(value: unknown): Generator {
  yield* WRONG;
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value))
    for (const other of spoilt(inner)) {
      const copy = Array.isArray(value) ? [...(value as unknown[])] : { ...value };
      Object.assign(copy, { [name]: other });
      yield copy;
    }
}
