/**
 * How far a command is: a line on standard error that redraws itself, on a terminal and nowhere
 * else.
 */

import { SingleBar } from 'cli-progress';
import { performance } from '../runtime/clock.ts';

export interface ProgressLine {
  /** @param done items so far @param position of `total`, where that counts something else */
  update(done: number, position?: number): void;
  /** Takes the line away. */
  stop(): void;
}

export interface ProgressSettings {
  /** What is counted: `ids`. */
  readonly unit: string;
  /** Without it there is no bar, only a count. */
  readonly total?: number | undefined;
  /** Results on the same terminal and a line that redraws itself would spoil each other. */
  readonly hidden?: boolean;
}

const SILENT: ProgressLine = { update: () => undefined, stop: () => undefined };

export function startProgress({ unit, total, hidden = false }: ProgressSettings): ProgressLine {
  if (hidden || !process.stderr.isTTY) return SILENT;
  const count = `{done} ${unit}, {rate}/s, {duration_formatted}`;
  const bar = new SingleBar({
    format: total === undefined ? count : `{bar} {percentage}%  ${count}`,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    barsize: 24,
    stream: process.stderr,
    clearOnComplete: true,
    gracefulExit: false,
    fps: 5,
  });
  const startedAtMs = performance.now();
  bar.start(total ?? 0, 0, { done: '0', rate: '0' });
  return {
    update: (done, position = done) => {
      const rate = perSecond(done, performance.now() - startedAtMs);
      bar.update(position, { done: inGroups(done), rate });
    },
    stop: () => bar.stop(),
  };
}

/** `12,345`, in every locale. */
export function inGroups(value: number): string {
  return value.toLocaleString('en-US');
}

export function perSecond(count: number, elapsedMs: number): string {
  return inGroups(Math.round(elapsedMs > 0 ? (count / elapsedMs) * 1_000 : 0));
}

export function inSeconds(elapsedMs: number): string {
  return `${(elapsedMs / 1_000).toFixed(2)} s`;
}
