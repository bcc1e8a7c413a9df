const SLOTS = 16_384;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
  return crc;
});

/** The slot of a cluster that a key with a hash tag belongs to: CRC16 (XMODEM) of what stands in its first braces. */
export function slotOf(key: string): number {
  const start = key.indexOf("{") + 1;
  let crc = 0;
  for (const byte of Buffer.from(key.slice(start, key.indexOf("}", start))))
    crc = ((crc << 8) ^ (TABLE[(crc >> 8) ^ byte] ?? 0)) & 0xffff;
  return crc % SLOTS;
}
