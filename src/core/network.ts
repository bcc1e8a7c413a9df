const GROUPS = 8;

/**
 * The network that an address belongs to, as a text to compare: the first 24 bits of IPv4, the first 64 of IPv6. Privacy addresses (RFC
 * 8981) and most changes of a mobile network stay within it. What is no address is taken as it is.
 */
export function networkOf(address: string): string {
  const groups = groupsOf(address);
  if (groups === null) return address;
  return isMapped(groups) ? `4 ${groups[6]} ${(groups[7] ?? 0) >> 8}` : `6 ${groups.slice(0, 4).join(" ")}`;
}

/** One text for all spellings of an address: IPv6 has many, and IPv4 comes as IPv6 on sockets that take both. */
export function spelledOut(address: string): string {
  return groupsOf(address)?.join(" ") ?? address;
}

/** The eight groups of an IPv6 address, or of an IPv4 one as IPv6 maps it (RFC 4291, 2.5.5.2). A port beside it, or a zone, is left out. */
function groupsOf(address: string): number[] | null {
  const four = /^([\d.]+)(?::\d+)?$/.exec(address)?.[1];
  if (four !== undefined) {
    const pair = pairOf(four);
    return pair && [0, 0, 0, 0, 0, 0xffff, ...pair];
  }
  const six = /^\[([^\]]*)\](?::\d+)?$/.exec(address)?.[1] ?? address;
  return sixOf(six.split("%")[0] ?? "");
}

function isMapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

function sixOf(text: string): number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = [listOf(halves[0] ?? ""), listOf(halves[1] ?? "")];
  if (head === null || tail === null) return null;
  const missing = GROUPS - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

function listOf(text: string): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  for (const part of text.split(":")) {
    const pair = part.includes(".") ? pairOf(part) : null;
    if (pair !== null) groups.push(...pair);
    else if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

/** The four numbers of IPv4 as two groups. */
function pairOf(text: string): [number, number] | null {
  const bytes = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (bytes === undefined || bytes.some((byte) => byte > 255)) return null;
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return [a * 256 + b, c * 256 + d];
}
