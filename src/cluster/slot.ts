/**
 * Which of a cluster's 16384 slots a key belongs to: CRC16 (XMODEM) of the key's UTF-8 bytes, or of
 * its hash tag alone, when the key holds a `{…}` that is not empty. Source: the cluster
 * specification, https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/.
 */

export const SLOT_COUNT = 16_384;
const LAST_ASCII = 0x7f;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

const POLYNOMIAL = 0x1021;

/** What a byte makes of a CRC of 0. */
const BY_BYTE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc & 0xffff;
});
/** What a byte and a 0 after it make of a CRC of 0. */
const BY_BYTE_AND_ZERO: Uint16Array = BY_BYTE.map((crc) => step(crc, 0));

/** The slot of `key`, 0 … 16383. */
export function slotOf(key: string): number {
  const tagged = hashTagOf(key) ?? key;
  let crc = 0;
  for (let i = 0; i < tagged.length; i++) {
    const code = tagged.charCodeAt(i);
    if (code > LAST_ASCII) return crcBehind(tagged) % SLOT_COUNT;
    crc = step(crc, code);
  }
  return crc % SLOT_COUNT;
}

/** The slot of a key that need not be text. */
export function slotOfBytes(key: Uint8Array): number {
  const open = key.indexOf(OPENING_BRACE);
  const close = open === -1 ? -1 : key.indexOf(CLOSING_BRACE, open + 1);
  if (close > open + 1) return slotBehind(0, key, open + 1, close);
  return slotBehind(0, key, 0, key.length);
}

/**
 * CRC16 runs from left to right: what it is after a prefix is computed once, and goes on from there
 * for every key with that prefix.
 */
export function crcBehind(prefix: string): number {
  let crc = 0;
  for (const byte of Buffer.from(prefix)) crc = step(crc, byte);
  return crc;
}

/**
 * The slot of the prefix, whose `crcBehind` is given, and the bytes from `begin` to `end`, which
 * have no hash tag. Two bytes at a time: CRC is linear, so both are looked up at once where one by
 * one each waits for the one before.
 */
export function slotBehind(crc: number, bytes: Uint8Array, begin: number, end: number): number {
  let at = begin;
  for (; at + 1 < end; at += 2) {
    const first = BY_BYTE_AND_ZERO[(crc >> 8) ^ (bytes[at] ?? 0)] ?? 0;
    crc = first ^ (BY_BYTE[(crc & 0xff) ^ (bytes[at + 1] ?? 0)] ?? 0);
  }
  if (at < end) crc = step(crc, bytes[at] ?? 0);
  return crc % SLOT_COUNT;
}

/** What is between the first `{` and the first `}` after it, unless that is nothing. */
function hashTagOf(key: string): string | undefined {
  const open = key.indexOf('{');
  if (open === -1) return undefined;
  const close = key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : undefined;
}

function step(crc: number, byte: number): number {
  return ((crc << 8) ^ (BY_BYTE[((crc >> 8) ^ byte) & 0xff] ?? 0)) & 0xffff;
}
