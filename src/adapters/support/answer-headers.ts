/** Headers that describe one answer, and are wrong for another that is given instead. */
export const OF_THE_ANSWER: readonly string[] = [
  "accept-ranges",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-range",
  "content-type",
  "etag",
  "expires",
  "last-modified",
  "location",
  "trailer",
  "transfer-encoding",
];
