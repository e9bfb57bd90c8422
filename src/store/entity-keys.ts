/**
 * The keys of a batch of ids, without a string for each: an id that is plain is checked and hashed in
 * one pass, and written behind the bytes of the prefix. Other ids have their key made (key.ts).
 */

import type { CommandWriter } from '../cluster/resp/command-writer.ts';
import type { KeyedCommand } from '../cluster/resp/keyed-command.ts';
import { NOT_PLAIN, slotOf } from '../cluster/slot.ts';
import type { KeyLayout } from './key.ts';

export class EntityKeys {
  readonly #layout: KeyLayout;
  readonly #ids: readonly string[];
  readonly #slots: number[] = [];
  /** By row. */
  #madeKeys: Map<number, string> | undefined;

  constructor(layout: KeyLayout, ids: readonly string[]) {
    this.#layout = layout;
    this.#ids = ids;
  }

  /** Keys are made up to here. */
  get count(): number {
    return this.#slots.length;
  }

  get isWhole(): boolean {
    return this.count === this.#ids.length;
  }

  /** Makes the keys of some more ids. @throws FeatureStoreError INVALID_ID */
  extend(idCount: number): void {
    const end = Math.min(this.count + idCount, this.#ids.length);
    for (let row = this.count; row < end; row++) {
      let slot = this.#layout.plainSlotOf(this.#ids[row]);
      if (slot === NOT_PLAIN) {
        const key = this.#layout.keyFor(this.#ids[row] as string); // refused if it is none
        slot = slotOf(key);
        (this.#madeKeys ??= new Map()).set(row, key);
      }
      this.#slots.push(slot);
    }
  }

  slotOf(row: number): number {
    return this.#slots[row] ?? 0;
  }

  bytesOf(row: number): number {
    const key = this.#madeKeys?.get(row);
    if (key !== undefined) return Buffer.byteLength(key);
    return this.#layout.prefixBytes.length + (this.#ids[row]?.length ?? 0);
  }

  /** Writes the command with the row's key. */
  write(row: number, writer: CommandWriter, command: KeyedCommand): void {
    const key = this.#madeKeys?.get(row);
    if (key !== undefined) command.write(writer, key);
    else command.writeBehind(writer, this.#layout.prefixBytes, this.#ids[row] ?? '');
  }
}
