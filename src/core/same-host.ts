/**
 * Tells whether an address is of a host, as the Host header names it: nothing of safety may depend on forwarded headers. A scheme's
 * default port may be written or left out. Takes any texts.
 */
export function isSameHost(address: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(address)) return false;
  const from = new URL(address);
  const target = `${from.protocol}//${host}`;
  return from.host !== "" && URL.canParse(target) && new URL(target).host === from.host;
}
