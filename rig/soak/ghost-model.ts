/** Entities that were never loaded: what is written where the entity exists must not make them. */

import type { Layer } from './layers.ts';
import type { Expectations, Finding, Floors, Row } from './model.ts';

const LAYERS: readonly Layer[] = ['streaming', 'timed'];

export class GhostModel implements Expectations {
  readonly ids: readonly string[];
  readonly layers: readonly Layer[] = LAYERS;

  constructor(ids: readonly string[]) {
    this.ids = ids;
  }

  floorsOf(ids: readonly string[]): Floors {
    return new Int32Array(ids.length * LAYERS.length);
  }

  check(_id: string, row: Row): readonly Finding[] {
    const names = Object.keys(row);
    if (names.length === 0) return [];
    return [{ kind: 'ghost', layer: 'streaming', what: `exists, and has ${names.join()}` }];
  }

  historyOf(): string[] {
    return [];
  }

  async markReplicated(arrival: () => Promise<unknown>): Promise<void> {
    await arrival();
  }
}
