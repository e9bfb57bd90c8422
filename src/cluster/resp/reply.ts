/** What a reply is read as. */

/** An error reply. Not an Error: it is data, and one without a stack costs nothing. */
export class ServerError {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** What came is not RESP; the connection can't be used any more. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** A Uint8Array is a string that is not UTF-8, or any where bytes were asked for: a copy. */
export type Reply = string | Uint8Array | number | null | ServerError | readonly Reply[];

/** As what strings are given: as text where they are UTF-8, or all as bytes. */
export type StringsAs = 'text' | 'bytes';

/**
 * The first error in the replies of a row, one inside EXEC's array included. It is the one that
 * counts: EXECABORT only says that an earlier command of the transaction was refused, whose error
 * is the reason.
 */
export function firstErrorIn(replies: readonly Reply[]): ServerError | undefined {
  for (const reply of replies) {
    if (reply instanceof ServerError) return reply;
    if (!Array.isArray(reply)) continue;
    const error: unknown = reply.find((item) => item instanceof ServerError);
    if (error instanceof ServerError) return error;
  }
  return undefined;
}
