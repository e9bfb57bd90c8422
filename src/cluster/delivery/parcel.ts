/** Rows on their way, and what has happened to them so far. */

import type { Address } from '../address.ts';

/** Rows on their way to one node. */
export interface Parcel {
  readonly to: Address;
  readonly rows: readonly number[];
  readonly asking: boolean;
  /** Redirects followed since the last pause. */
  readonly redirects: number;
  /** Scripts that the node was given for these rows since the last pause. */
  readonly scripts: number;
  /** Pauses taken so far. */
  readonly pauses: number;
  /** Connections that were cut under the rows so far. */
  readonly cuts: number;
  /** How often that was while the node owed the first row, and that one alone. */
  readonly loneCuts: number;
  /** How often the rows are sent with this; 1 is the first time. */
  readonly attempt: number;
}

/** How far rows have come: a parcel, or less where no node owns their slot. */
export type SoFar = Pick<Parcel, 'pauses' | 'cuts' | 'loneCuts' | 'attempt'> & {
  readonly to?: Address;
};

/** Nothing has happened yet. */
export const START: SoFar = { pauses: 0, cuts: 0, loneCuts: 0, attempt: 0 };

/** Rows that are sent to a node without a redirect. */
export function firstTo(to: Address, rows: readonly number[], so: SoFar): Parcel {
  const { pauses, cuts, loneCuts, attempt } = so;
  const fresh = { asking: false, redirects: 0, scripts: 0 };
  return { to, rows, ...fresh, pauses, cuts, loneCuts, attempt: attempt + 1 };
}
