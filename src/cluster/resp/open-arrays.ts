/** Arrays that have begun and not ended: their items come in as many chunks as it takes. */

import { ProtocolError, type Reply } from './reply.ts';
import { MAX_DEPTH, MAX_ITEMS } from '../limits.ts';

interface OpenArray {
  readonly items: Reply[];
  readonly itemCount: number;
  /** Its last item is the reply that the others are about. */
  readonly isAttribute: boolean;
}

export class OpenArrays {
  /** The innermost comes last. */
  readonly #open: OpenArray[] = [];

  get isEmpty(): boolean {
    return this.#open.length === 0;
  }

  /** Opens an array of `perCount` items for each that it counts. @throws ProtocolError */
  open(count: number, perCount: number, isAttribute: boolean): void {
    if (count < 0 || count > MAX_ITEMS) throw new ProtocolError(`an array of ${count} items`);
    if (this.#open.length === MAX_DEPTH) {
      throw new ProtocolError(`replies nested deeper than ${MAX_DEPTH}`);
    }
    const itemCount = count * perCount + (isAttribute ? 1 : 0);
    this.#open.push({ items: [], itemCount, isAttribute });
  }

  /** Takes the next item. Gives the reply that ends with it, if one does. */
  put(item: Reply): Reply | undefined {
    let ended = item;
    for (let array = this.#open.at(-1); array !== undefined; array = this.#open.at(-1)) {
      const { items, itemCount, isAttribute } = array;
      items.push(ended);
      if (items.length < itemCount) return undefined;
      this.#open.pop();
      ended = isAttribute ? (items.at(-1) ?? null) : items;
    }
    return ended;
  }
}
