import type { FeatureStoreError } from '../../errors.ts';
import type { Address } from '../address.ts';

/**
 * Where the rows of an answered parcel go that were not settled by their replies. Mostly there are
 * none, and this is not made.
 */
export class UnsettledRows {
  moved: Map<Address, number[]> | undefined;
  asked: Map<Address, number[]> | undefined;
  /** Their node did not know the script that they call. */
  unscripted: number[] | undefined;
  waiting: number[] | undefined;
  /** Why rows wait. */
  obstacle: FeatureStoreError | undefined;

  go(kind: 'moved' | 'ask', to: Address, row: number): void {
    const groups = kind === 'moved' ? (this.moved ??= new Map()) : (this.asked ??= new Map());
    const rows = groups.get(to);
    if (rows) rows.push(row);
    else groups.set(to, [row]);
  }

  wait(row: number, obstacle: FeatureStoreError): void {
    (this.waiting ??= []).push(row);
    this.obstacle ??= obstacle;
  }

  rows(): number[] {
    const { moved, asked, unscripted = [], waiting = [] } = this;
    return [...(moved?.values() ?? []), ...(asked?.values() ?? []), unscripted, waiting].flat();
  }
}
