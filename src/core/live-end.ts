/**
 * Why a live connection is over. `ended`: the session was logged out, revoked or emptied, anywhere. `expired`: its time is up, or it was idle for so long that it is locked.
 * `stale`: a privilege change gave it a new secret, and the connection was opened with an older one. `unchecked`: the store
 * could not say for too long. `closed`: the manager was closed.
 */
export type LiveEnd = "ended" | "expired" | "stale" | "unchecked" | "closed";
