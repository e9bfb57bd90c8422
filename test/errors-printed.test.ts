/**
 * What becomes of an error with failed rows in printers and loggers: counts and ids, and never a
 * feature.
 */

import { spawnSync } from 'node:child_process';
import { format, inspect } from 'node:util';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { FeatureStoreError } from '../src/errors.ts';
import {
  PartialBatchError,
  PartialLoadError,
  type FailedRow,
} from '../src/store/partial-errors.ts';

const SECRET = 'S3CRET-VALUE';
const LINES = 20;

function failedRow(position: number, error: FeatureStoreError): FailedRow {
  return { id: `id${position}`, position, error };
}

/** As a dispatch leaves it: errors shared by many rows, each with its shard and its cause. */
function reason(shard: number): FeatureStoreError {
  const cause = new FeatureStoreError('CONNECTION_LOST', 'The connection was lost.');
  const code = shard === 0 ? 'WRONG_TYPE' : 'TIMEOUT';
  const error = new FeatureStoreError(code, 'No answer in time.', { cause });
  return Object.assign(error, { shard: `10.0.0.${shard}:7000` });
}

const COUNTS = { pulled: 9, loaded: 7, older: 0, absent: 0, neverSent: 1, committed: 7 };

function errors(failedCount: number): (PartialBatchError | PartialLoadError)[] {
  const reasons = Array.from({ length: 40 }, (_, i) => reason(i));
  const failed = Array.from({ length: failedCount }, (_, i) =>
    failedRow(i, reasons[i % reasons.length] ?? reason(0)),
  );
  const rows = [{ card: SECRET }, ...failed.map(() => undefined)];
  return [
    new PartialBatchError(rows, failed),
    new PartialLoadError('The load stopped.', COUNTS, failed, new Error(SECRET)),
  ];
}

function logged(error: Error): string {
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  log.error(error);
  log.error({ err: error, other: 1 }, 'failed');
  return lines.join('');
}

function forIn(error: object): string {
  const copy: Record<string, unknown> = {};
  // oxlint-disable-next-line guard-for-in -- as loggers do
  for (const key in error) copy[key] = (error as Record<string, unknown>)[key];
  return inspect(copy, { depth: null });
}

const PRINTERS: Readonly<Record<string, (error: Error) => string>> = {
  inspect: (error) => inspect(error),
  'inspect at any depth': (error) => inspect(error, { depth: null }),
  'inspect at no depth': (error) => inspect(error, { depth: 0 }),
  'inspect with what is hidden': (error) => inspect(error, { showHidden: true, depth: null }),
  '%o': (error) => format('%o', error),
  '%O': (error) => format('%O', error),
  '%s': (error) => format('%s', error),
  'a cause': (error) => inspect(new Error('outer', { cause: error }), { depth: null }),
  'an AggregateError': (error) => inspect(new AggregateError([error], 'many')),
  'inside an object': (error) => inspect({ a: { b: [error] } }, { depth: null }),
  'a clone': (error) => inspect(structuredClone(Object.assign(error))),
  String: String,
  stack: (error) => error.stack ?? '',
  JSON: (error) => JSON.stringify({ error }, null, 0),
  'a spread': (error) => inspect({ ...error }, { depth: null }),
  entries: (error) => inspect(Object.entries(error), { depth: null }),
  'for in': forIn,
};

describe.each([1, 100, 1_000_000])('%i failed rows', (failedCount) => {
  it.each(Object.keys(PRINTERS))('%s shows no feature, and is short', (printer) => {
    for (const error of errors(failedCount)) {
      const text = PRINTERS[printer]?.(error) ?? '';
      // What a copy of the enumerable properties has is the logger's choice; the message is never
      // in it.
      const isCopy = ['a spread', 'entries', 'for in'].includes(printer);
      expect(isCopy || text.includes('id0')).toBe(true);
      expect(text).not.toContain(SECRET);
      expect(text.split('\n').length).toBeLessThanOrEqual(LINES);
      expect(text.length).toBeLessThan(6_000);
    }
  });

  it('without an inspector of its own too, as an uncaught error is printed', () => {
    for (const error of errors(failedCount)) {
      for (const showHidden of [false, true]) {
        const text = inspect(error, { customInspect: false, depth: 5, showHidden });
        expect(text).not.toContain(SECRET);
        expect(text.split('\n').length).toBeLessThanOrEqual(LINES);
      }
    }
  });

  it("pino's serializer takes no row with it", () => {
    const [error] = errors(failedCount);
    const text = logged(error as Error);
    expect(text).toContain('id0');
    expect(text).not.toContain(SECRET);
    for (const line of text.trim().split('\n')) {
      const { err } = JSON.parse(line) as { err: { stack: string; code: string; message: string } };
      expect(err.code).toBe('PARTIAL_BATCH');
      expect(err.message).toContain(`first ids: 'id0'`);
      expect(err.stack.split('\n').length).toBeLessThanOrEqual(LINES);
    }
  });

  it('says counts, codes, shards and the first ids', () => {
    for (const error of errors(failedCount)) {
      const { summary } = error;
      expect(summary.failedCount).toBe(failedCount);
      expect(sumOf(summary.byCode)).toBe(failedCount);
      expect(sumOf(summary.byShard)).toBe(failedCount);
      expect(summary.firstIds[0]).toBe('id0');
      expect(summary.firstIds.length).toBeLessThanOrEqual(5);
      expect(JSON.parse(JSON.stringify(error))).toMatchObject({
        code: error.code,
        message: expect.stringContaining(
          error instanceof PartialLoadError ? 'stopped' : 'could not',
        ),
        ...summary,
      });
      expect(JSON.stringify(error).length).toBeLessThan(1_000);
      for (const [code, count] of Object.entries(summary.byCode)) {
        expect(error.message).toContain(`${count} ${code}`);
      }
      const { failed } = error;
      expect(failed).toHaveLength(failedCount);
      expect(failed[0]?.error).toBeInstanceOf(FeatureStoreError);
    }
  });
});

it('an uncaught one too', () => {
  const script = `
    import { FeatureStoreError } from ${urlOf('../src/errors.ts')};
    import { PartialBatchError } from ${urlOf('../src/store/partial-errors.ts')};
    const cause = new FeatureStoreError('CONNECTION_LOST', 'lost');
    const failed = Array.from({ length: 100 }, (_, i) => ({ id: 'id' + i,
      error: Object.assign(new FeatureStoreError('TIMEOUT', 'late', { cause }), { shard: '10.0.0.1:7000' }) }));
    throw new PartialBatchError([{ card: '${SECRET}' }, ...failed.map(() => undefined)], failed);`;
  const child = spawnSync(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script],
    { encoding: 'utf8' },
  );
  expect(child.status).not.toBe(0);
  for (const shown of ['100 TIMEOUT', '100 10.0.0.1:7000', "'id0', 'id1'"]) {
    expect(child.stderr).toContain(shown);
  }
  expect(child.stderr).not.toContain(SECRET);
  expect(child.stderr.trim().split('\n').length).toBeLessThanOrEqual(LINES);
});

it('rows and failed are where they were, destructured too', () => {
  const rows = [{ card: SECRET }, undefined];
  const failed = [failedRow(1, reason(1))];
  const error = new PartialBatchError(rows, failed);
  const { rows: gotRows, failed: gotFailed } = error;
  expect(gotRows).toBe(rows);
  expect(gotFailed).toBe(failed);
  expect(error.cause).toBe(failed[0]?.error);
});

it('an id is shown short and on one line', () => {
  const id = `a\nb${'x'.repeat(500)}`;
  const error = new PartialBatchError([undefined], [{ id, position: 0, error: reason(1) }]);
  expect(error.message).not.toContain('\n');
  expect(error.message.length).toBeLessThan(600);
  expect(error.message).toContain('a\\u000ab');
});

function urlOf(path: string): string {
  return JSON.stringify(new URL(path, import.meta.url).href);
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
