import { expect, test } from 'vitest';
import type { Context } from '../../src/store/context.ts';
import { Closing } from '../../src/cluster/control/closing.ts';
import { KeyLayout } from '../../src/store/key-layout.ts';
import { ReadShapes } from '../../src/store/read-shape.ts';
import { streamFeatures, type StreamOptions } from '../../src/store/feature-stream.ts';
import { refusalOf } from './refusal.ts';

const nowhere = { readShapes: new ReadShapes() } as Context;
/** Enough for reads of no features, which send nothing. */
const silent = {
  ...nowhere,
  layout: new KeyLayout('p:', {}),
  options: { timeoutMs: 10_000 },
  backend: { closing: new Closing() },
} as Context;

test.each([
  [{ chunkSize: null }, 'streamFeatures options.chunkSize must be a whole number'],
  [{ chunkSize: 0 }, 'streamFeatures options.chunkSize must be a whole number from 1 to 1000000'],
  [{ chunkSize: 1_000_001 }, 'streamFeatures options.chunkSize'],
  [{ chunksize: 5 }, 'streamFeatures options.chunksize is not an option'],
  [{ onFailure: 'skip' }, 'streamFeatures options.onFailure'],
  [{ timeoutMs: Number.NaN }, 'streamFeatures options.timeoutMs'],
])('%j is refused by the call, before anything is read', (options, message) => {
  const error = refusalOf(() => streamFeatures(nowhere, [], ['f'], options as StreamOptions));
  expect(error.code).toBe('INVALID_OPTION');
  expect(error.message).toContain(message);
});

test('names are refused by the call too', () => {
  expect(refusalOf(() => streamFeatures(nowhere, [], [''], {})).code).toBe('INVALID_FEATURE');
});

test.each(['abc', null, undefined, 7, {}, new Date(0)])('%j is no source of ids', (ids) => {
  const error = refusalOf(() => streamFeatures(nowhere, ids as Iterable<string>, ['f'], {}));
  expect(error).toMatchObject({ code: 'INVALID_ID' });
  expect(error.message).toContain('ids must be an iterable of ids');
});

test('no ids make no chunk', async () => {
  const stream = streamFeatures(nowhere, [], ['f'], {});
  expect(await stream.next()).toStrictEqual({ done: true, value: undefined });
});

test('ids are checked as they come, chunk by chunk', async () => {
  const stream = streamFeatures(silent, ['a', 'b', 'c'], [], { chunkSize: 2 });
  expect((await stream.next()).value).toStrictEqual({
    ids: ['a', 'b'],
    rows: [{}, {}],
    failed: [],
  });
  expect((await stream.next()).value).toStrictEqual({ ids: ['c'], rows: [{}], failed: [] });
  expect((await stream.next()).done).toBe(true);
});

test('a bad id fails its chunk, after the chunks before it', async () => {
  const stream = streamFeatures(silent, ['a', 'b', 'c', 'd{'], [], { chunkSize: 2 });
  expect((await stream.next()).value).toMatchObject({ ids: ['a', 'b'] });
  await expect(stream.next()).rejects.toMatchObject({ code: 'INVALID_ID' });
});
