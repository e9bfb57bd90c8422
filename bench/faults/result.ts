/** What is kept of a run of the faults: the JSON from which docs/faults.md is made. */

import type { Machine } from '../measurement.ts';
import type { Measured, Scenario } from './scenarios.ts';

export interface ReaderResult {
  readonly reader: string;
  readonly measured: Measured;
}

export interface ScenarioResult extends Pick<
  Scenario,
  'name' | 'title' | 'what' | 'since' | 'timeoutMs'
> {
  readonly readers: readonly ReaderResult[];
}

export interface FaultsRun {
  readonly startedAt: string;
  readonly command: string;
  readonly seed: number;
  readonly commit: string;
  readonly machine: Machine;
  readonly rowCount: number;
  readonly readers: readonly {
    readonly name: string;
    readonly method: string;
    readonly settings: string;
  }[];
  readonly scenarios: readonly ScenarioResult[];
}
