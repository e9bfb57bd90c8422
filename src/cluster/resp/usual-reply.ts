/** Replies that are known before they come: these bytes, or an integer whichever it is. */

export const ANY_INTEGER: unique symbol = Symbol('any integer');

export type UsualReply = Uint8Array | typeof ANY_INTEGER;
