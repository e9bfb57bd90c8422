/**
 * Which of a cluster's 16384 slots a key belongs to: CRC16 (XMODEM) of the key's UTF-8 bytes, or of
 * its hash tag alone, when the key holds a `{…}` that is not empty. Source: the cluster
 * specification, https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/.
 */

export const SLOT_COUNT = 16_384;

const POLYNOMIAL = 0x1021;
/** `z`; braces come behind it. */
const LAST_PLAIN = 0x7a;

const CRC16_TABLE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc & 0xffff;
});

/** The slot of `key`, 0 … 16383. */
export function slotOf(key: string): number {
  const tagged = hashTagOf(key) ?? key;
  const slot = slotBehind(0, tagged);
  return slot === NOT_PLAIN ? crc16(Buffer.from(tagged)) % SLOT_COUNT : slot;
}

/**
 * CRC16 runs from left to right: what it is behind a prefix is computed once, and goes on from there
 * for every key with that prefix.
 */
export function crcBehind(prefix: string): number {
  return crc16(Buffer.from(prefix));
}

export const NOT_PLAIN = -1;

/**
 * The slot of the prefix, whose `crcBehind` is given, and `rest`; NOT_PLAIN where `rest` is not all of
 * plain characters: ASCII up to `z`, so none that would take more than a byte, and no brace.
 */
export function slotBehind(crc: number, rest: string): number {
  for (let i = 0; i < rest.length; i++) {
    const code = rest.charCodeAt(i);
    if (code > LAST_PLAIN) return NOT_PLAIN;
    crc = step(crc, code);
  }
  return crc % SLOT_COUNT;
}

/** What is between the first `{` and the first `}` after it, unless that is nothing. */
function hashTagOf(key: string): string | undefined {
  const open = key.indexOf('{');
  if (open === -1) return undefined;
  const close = key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : undefined;
}

function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = step(crc, byte);
  return crc;
}

function step(crc: number, byte: number): number {
  return ((crc << 8) ^ (CRC16_TABLE[((crc >> 8) ^ byte) & 0xff] ?? 0)) & 0xffff;
}
