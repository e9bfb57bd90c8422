/** Words and strings as a server has them: bytes. As the name of a key or a field, one character per byte. */

import { isUtf8 } from 'node:buffer';
import type { Reply, ServerError, StringsAs } from '../../cluster/resp/reply.ts';

export type Bytes = Uint8Array;

/** What a command replies: bytes are a string, text is a line of the server's own, such as OK. */
export type ServerReply = number | null | string | Bytes | ServerError | readonly ServerReply[];

/** Bytes as the key of a Map. */
export function nameOf(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

export function bytesOf(name: string): Bytes {
  return new Uint8Array(Buffer.from(name, 'latin1'));
}

export function textOf(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}

/** As a reader of replies gives it: strings as text where they are, if bytes are not asked for. */
export function readReply(reply: ServerReply, as: StringsAs = 'text'): Reply {
  if (reply instanceof Uint8Array) {
    return as === 'text' && isUtf8(reply) ? textOf(reply) : new Uint8Array(reply);
  }
  if (Array.isArray(reply)) return reply.map((item: ServerReply) => readReply(item, as));
  return reply as Exclude<ServerReply, Bytes | readonly ServerReply[]>;
}
