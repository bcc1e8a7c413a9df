// The rules of the adapter contract that a runtime itself breaks. Each stands on docs/runtimes.md.

type Broken = Readonly<Record<string, string>>;

/** By the server of Bun. */
export const PIPELINED: Broken = {
  "on the wire: an answer that waits for its save holds back the pipelined one behind it":
    "Bun.serve cuts a connection on which a second request comes before the first is answered",
};

/**
 * By workerd. To split at commas is no way out: whoever may set any cookie could then plant one in the place of the session's, whose
 * name's prefix is to prevent that.
 */
export const JOINED: Broken = {
  "what a client sends: a cookie in the second of several Cookie lines is found":
    "workerd joins Cookie lines with a comma",
};
