import { type Duration, milliseconds } from "./duration.ts";
import { refuseConfig } from "./errors.ts";

/** Limits by NIST SP 800-63B-4, section 5.2: what each assurance level allows. */
export type Preset = "aal1" | "aal2" | "aal3";

const PRESETS: Readonly<Record<Preset, { readonly idle: Duration; readonly absolute: Duration }>> = {
  aal1: { idle: "1d", absolute: "30d" },
  aal2: { idle: "1h", absolute: "24h" },
  aal3: { idle: "15m", absolute: "12h" },
};

/** Tells whether a value names a preset. */
export function isPreset(value: unknown): value is Preset {
  return typeof value === "string" && Object.hasOwn(PRESETS, value);
}

/** Browsers keep no cookie for longer (RFC 6265bis, section 5.5). */
const COOKIE_CAP: Duration = "400d";

export interface LifetimeOptions {
  /** A set of limits to start from; default `"aal1"`: idle 1 day, absolute 30 days. Limits given beside it may only be tighter. */
  readonly preset?: Preset;
  /** How long a session lives without a request. */
  readonly idle?: Duration;
  /** How long a session lives at all, counted from its creation or the last authentication. */
  readonly absolute?: Duration;
  /** The longest that `login(user, { remember })` may ask for; default 400 days, or the preset's absolute limit for aal2 and aal3. */
  readonly rememberMax?: Duration;
  /**
   * What the idle limit does to the session of a user: `"end"` ends it, `"lock"` keeps it until its absolute limit, of no use but to
   * `session.unlock()` after one factor (NIST SP 800-63B-4, section 2.2.3). Default `"lock"` with the preset aal2, else `"end"`.
   */
  readonly onIdle?: "end" | "lock";
  /** How far the access time may lag behind; default the smaller of a minute and a twentieth of the idle limit. */
  readonly accessTimeResolution?: Duration;
  /** How often a session gets a new secret by itself; default never. */
  readonly rotateEvery?: Duration;
  /** How long the previous secret still opens after its successor was seen; default 30 s. */
  readonly rotationGrace?: Duration;
}

/** Limits in milliseconds. */
export interface Lifetime {
  readonly preset: Preset | null;
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly onIdle: "end" | "lock";
  readonly rememberMaxMs: number;
  readonly accessTimeResolutionMs: number;
  readonly rotateEveryMs: number | null;
  readonly rotationGraceMs: number;
}

/** @throws `ERR_SESSION_CONFIG` for limits that contradict each other, naming the mend. */
export function resolveLifetime(options: LifetimeOptions): Lifetime {
  const named = options.preset ?? "aal1";
  const preset = isPreset(named)
    ? PRESETS[named]
    : refuseConfig(`preset is "${String(named)}". Use "aal1", "aal2" or "aal3".`);
  const absoluteMs = milliseconds(options.absolute ?? preset.absolute, "absolute");
  const idleMs = milliseconds(options.idle ?? shorter(preset.idle, absoluteMs), "idle");
  const rememberMaxMs = milliseconds(
    options.rememberMax ?? (isStrict(named) ? absoluteMs : COOKIE_CAP),
    "rememberMax",
  );
  const lifetime: Lifetime = {
    preset: options.preset ?? null,
    idleMs,
    absoluteMs,
    onIdle: options.onIdle ?? (named === "aal2" ? "lock" : "end"),
    rememberMaxMs,
    accessTimeResolutionMs: milliseconds(
      options.accessTimeResolution ?? Math.max(1, Math.min(60_000, idleMs / 20)),
      "accessTimeResolution",
    ),
    rotateEveryMs:
      options.rotateEvery === undefined ? null : milliseconds(options.rotateEvery, "rotateEvery"),
    rotationGraceMs: milliseconds(options.rotationGrace ?? "30s", "rotationGrace"),
  };
  if (lifetime.onIdle !== "end" && lifetime.onIdle !== "lock")
    refuseConfig(`onIdle is "${String(lifetime.onIdle)}". Use "end" or "lock".`);
  if (lifetime.preset !== null) checkPreset(lifetime.preset, lifetime);
  checkLimits(lifetime, options);
  return lifetime;
}

/** The idle limit of a session. A remembered one has none of its own, unless a strict preset asks for one of every session. */
export function idleLimit({ preset, idleMs }: Lifetime, rememberMs: number | undefined): number {
  return rememberMs === undefined || isStrict(preset) ? idleMs : rememberMs;
}

/** The longest that any session lives. */
export function longestLife({ absoluteMs, rememberMaxMs }: Lifetime): number {
  return Math.max(absoluteMs, rememberMaxMs);
}

function isStrict(preset: Preset | null): boolean {
  return preset === "aal2" || preset === "aal3";
}

function shorter(idle: Duration, absoluteMs: number): Duration {
  return Math.min(milliseconds(idle, "idle"), absoluteMs);
}

function checkPreset(preset: Preset, lifetime: Lifetime): void {
  const cap = PRESETS[preset];
  if (
    lifetime.idleMs > milliseconds(cap.idle, "idle") ||
    lifetime.absoluteMs > milliseconds(cap.absolute, "absolute")
  ) {
    refuseConfig(
      `preset "${preset}" allows idle ${cap.idle} and absolute ${cap.absolute} at most. Give tighter limits or drop the preset.`,
    );
  }
  if (preset === "aal3" && lifetime.onIdle === "lock") {
    refuseConfig(
      'preset "aal3" ends what is idle: one factor may not resume it. Drop onIdle, or choose the preset aal2.',
    );
  }
  if (isStrict(preset) && lifetime.rememberMaxMs > milliseconds(cap.absolute, "absolute")) {
    refuseConfig(
      `preset "${preset}" remembers nobody for longer than ${cap.absolute}. Lower rememberMax or drop the preset.`,
    );
  }
}

function checkLimits(lifetime: Lifetime, options: LifetimeOptions): void {
  if (lifetime.idleMs > lifetime.absoluteMs) {
    refuseConfig("idle is longer than absolute, so it would never be reached. Lower idle or raise absolute.");
  }
  if (lifetime.accessTimeResolutionMs >= lifetime.idleMs && lifetime.idleMs > 1) {
    refuseConfig(
      "accessTimeResolution is not shorter than idle, so active sessions would expire. Lower it or raise idle.",
    );
  }
  if (lifetime.rememberMaxMs > milliseconds(COOKIE_CAP, "rememberMax")) {
    refuseConfig("rememberMax is over 400 days, which browsers cut. Lower it.");
  }
  if (options.rotationGrace !== undefined && lifetime.rotateEveryMs === null) {
    refuseConfig("rotationGrace is given without rotateEvery. Give both or neither.");
  }
  if ((lifetime.rotateEveryMs ?? 0) > Math.max(lifetime.absoluteMs, lifetime.rememberMaxMs)) {
    refuseConfig(
      "rotateEvery is longer than any session lives, so none would rotate. Lower rotateEvery or drop it.",
    );
  }
  if (lifetime.rotateEveryMs !== null && lifetime.rotateEveryMs <= lifetime.rotationGraceMs) {
    refuseConfig(
      "rotateEvery is not longer than rotationGrace, so no rotation could follow another. Raise rotateEvery or lower rotationGrace.",
    );
  }
}
