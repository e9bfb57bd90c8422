/** Commands of a row that are done together. */

import { encodeCommand, encodeHead, type CommandWriter, type KeyTable } from '../cluster/batch.ts';
import type { FeatureEncoder } from './codec.ts';

/** The commands between the two are one step, and have a reply each inside of the reply to EXEC. */
export const MULTI: Uint8Array = encodeCommand('MULTI');
export const EXEC: Uint8Array = encodeCommand('EXEC');

/** Writes the command that deletes features of the entity whose key is the last of `keys`. */
export function writeHdel(
  encoder: FeatureEncoder,
  id: string,
  names: readonly string[],
  keys: KeyTable,
  writer: CommandWriter,
): void {
  writer.encoded(encodeHead(2 + names.length, 'HDEL'));
  writer.key(keys, keys.count - 1);
  encoder.writeNames(id, names, writer);
}
