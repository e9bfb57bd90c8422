import { expect, test } from 'vitest';
import { Closing } from '../../src/cluster/control/closing.ts';
import type { Backend } from '../../src/cluster/delivery/backend.ts';
import { FeatureStoreError } from '../../src/errors.ts';
import type { Context } from '../../src/store/context.ts';
import type { GroupRecord } from '../../src/store/group-record.ts';
import type { FeatureRows } from '../../src/store/features.ts';
import { KeyLayout } from '../../src/store/key-layout.ts';
import { loadRows } from '../../src/store/row-load.ts';
import type { RowWriter } from '../../src/store/row-writer.ts';

/** Without a connection: whatever would send or wait fails with another error than a refusal. */
const nowhere = {
  layout: new KeyLayout('p:', {}),
  backend: { closing: new Closing() } as Backend,
  options: { timeoutMs: 10_000 },
  groupRecord: { isDue: false } as GroupRecord,
} as Context;

/**
 * Refuses 'bad', and notes which rows it looked at, and how.
 * @param rowBytes what a row takes encoded
 */
function writer(rowBytes = 1): RowWriter & { looked: string[] } {
  const looked: string[] = [];
  const look = (how: string, id: string): void => {
    looked.push(`${how} ${id}`);
    if (id === 'bad') throw new FeatureStoreError('INVALID_FEATURE', 'bad');
  };
  return {
    looked,
    usualReplies: () => [],
    check: (id) => {
      look('check', id);
      return 1;
    },
    write: (id, _features, _keys, rows) => {
      look('write', id);
      rows.writer.bulkString('x'.repeat(rowBytes));
      rows.endCommand();
      return 1;
    },
    answerOf: () => 'written',
    onWritten: () => undefined,
  };
}

const load = (rows: unknown, to: RowWriter): Promise<unknown> =>
  loadRows(nowhere, rows as FeatureRows, { writer: to }, {});

test.each([
  ['an object', { u1: {}, bad: {}, u2: {} }],
  ['a Map', new Map(Object.entries({ u1: {}, bad: {}, u2: {} }))],
  [
    'an array',
    [
      ['u1', {}],
      ['bad', {}],
      ['u2', {}],
    ],
  ],
])('the rows of %s are checked before any is sent', async (_, rows) => {
  const checking = writer();
  await expect(load(rows, checking)).rejects.toMatchObject({ code: 'INVALID_FEATURE' });
  expect(checking.looked).toStrictEqual(['write u1', 'write bad']);
});

test('rows that are too many to be encoded before any is sent are checked', async () => {
  const checking = writer(10_000_000);
  const ids = ['u1', 'u2', 'u3', 'u4', 'bad', 'u5'];
  const rows = ids.map((id) => [id, {}]);
  await expect(load(rows, checking)).rejects.toMatchObject({ code: 'INVALID_FEATURE' });
  expect(checking.looked).toStrictEqual([
    'write u1',
    'write u2',
    'check u3',
    'check u4',
    'check bad',
  ]);
});

test('the ids are checked before any row is sent', async () => {
  const checking = writer();
  const rows = { u1: {}, 'a{b}': {}, u2: {} };
  await expect(load(rows, checking)).rejects.toMatchObject({ code: 'INVALID_ID' });
  expect(checking.looked).toStrictEqual(['write u1']);
});

test.each([null, undefined, 7, 'text', true, new Date(0), Promise.resolve({ u1: {} })])(
  '%j holds no rows',
  async (rows) => {
    await expect(load(rows, writer())).rejects.toMatchObject({
      code: 'INVALID_FEATURE',
      message: expect.stringContaining('rows must be an object, a Map, or an iterable'),
    });
  },
);

test.each([
  [['u1'], 'an array of 1'],
  [['u1', {}, {}, {}], 'an array of 4'],
  ['u1', 'a string'],
  [null, 'null'],
  [{ id: 'u1' }, 'object'],
])('%j is no row', async (row, shown) => {
  await expect(load([['u0', {}], row], writer())).rejects.toMatchObject({
    code: 'INVALID_FEATURE',
    message: expect.stringMatching(new RegExp(`A row must be \\[id, features\\].*${shown}`)),
  });
});

test('no rows are loaded at once, from any source', async () => {
  for (const rows of [{}, new Map(), [], new Set(), (async function* () {})()]) {
    expect(await load(rows, writer())).toMatchObject({ loaded: 0, failed: [] });
  }
});

test('rows that throw when they are looked at are refused, with the cause', async () => {
  const cause = new Error('no');
  const getter = Object.defineProperty({}, 'u1', {
    enumerable: true,
    get: () => {
      throw cause;
    },
  });
  await expect(load(getter, writer())).rejects.toMatchObject({ code: 'INVALID_FEATURE', cause });
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  await expect(load([['u1', {}], proxy], writer())).rejects.toMatchObject({
    code: 'INVALID_FEATURE',
    cause: expect.any(TypeError),
  });
});

test('an id that is no text does not stop a check', async () => {
  await expect(load([[Object.create(null), {}]], writer())).rejects.toMatchObject({
    code: 'INVALID_ID',
  });
});
