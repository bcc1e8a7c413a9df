/** @throws what making the text of an answer throws: it could not be sent, and nothing is to be stored. */
export function checkText(value: unknown): void {
  if (typeof value === "object") JSON.stringify(value);
}

/** A stream may fail before its first byte, and then nothing is to be stored. */
export function isStreamLike(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return (
    "getStream" in value ||
    "pipe" in value ||
    Symbol.asyncIterator in value ||
    value instanceof ReadableStream ||
    value instanceof Response
  );
}
