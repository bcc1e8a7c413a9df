/**
 * What workerd does to an adapter's contract. To split at commas is no way out: whoever may set any cookie could then plant one in the
 * place of the session's, whose name's prefix is to prevent that.
 */
export const JOINED: Readonly<Record<string, string>> = {
  "what a client sends: a cookie in the second of several Cookie lines is found":
    "workerd joins Cookie lines with a comma",
};
