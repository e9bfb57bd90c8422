import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommandWriter } from '../../../src/cluster/resp/command-writer.ts';
import {
  ProtocolError,
  ReplyReader,
  ServerError,
  type Reply,
} from '../../../src/cluster/resp/reply-reader.ts';
import type { Batch } from '../../../src/cluster/batch.ts';
import { RowExchange } from '../../../src/cluster/lanes/row-exchange.ts';
import { KeyedRows } from '../../../src/cluster/resp/keyed-command.ts';
import { KeyTable } from '../../../src/cluster/routing/key-table.ts';
import { bulkWriter } from '../../../src/store/bulk-load.ts';
import type { Turn } from '../../../src/cluster/lanes/turns.ts';
import type { Context } from '../../../src/store/context.ts';
import { KeyLayout } from '../../../src/store/key-layout.ts';
import type { FeatureBytes, FeatureRow } from '../../../src/store/features.ts';
import { FeatureReplies, ReadShape } from '../../../src/store/read-shape.ts';
import { WriteReplies } from '../../../src/store/row-writer.ts';
import { decodeCommands, encodeReply, type WireReply } from '../plain-resp.ts';
import { randomFrom } from '../resp/replies.ts';
import { anyText } from '../unicode.ts';

/** What became of the rows, in the order in which they were reported. */
type Reported<Answer> = (readonly [row: number, outcome: Answer | Error | ServerError])[];

interface Setup {
  readonly asking?: boolean;
  readonly rows?: readonly number[];
}

/** A turn that has rows for all. */
const newTurn = (): Turn => ({ rowsLeft: Number.POSITIVE_INFINITY });

class Run<Answer> {
  readonly exchange: RowExchange<Answer>;
  readonly reader = new ReplyReader();
  readonly reported: Reported<Answer> = [];
  done = false;

  constructor(batch: Batch<Answer>, { asking = false, rows }: Setup = {}) {
    const all = Array.from({ length: batch.keys.count }, (_, row) => row);
    const take = (row: number, outcome: Answer | Error | ServerError): void => {
      this.reported.push([row, outcome]);
    };
    const receiver = { answer: take, settle: take, noteSent: () => undefined };
    this.exchange = new RowExchange<Answer>(batch, rows ?? all, asking, receiver);
    this.exchange.nextPart();
  }

  get commands(): string[][] {
    const writer = new CommandWriter();
    this.exchange.encode(writer);
    return decodeCommands(writer.view());
  }

  /** Gives bytes of the node, cut as asked; `done` is what the exchange says after the last. */
  hear(bytes: Buffer | string, chunkBytes: () => number = () => 1 << 20): this {
    const whole = Buffer.from(bytes as string);
    for (let begin = 0; begin < whole.length;) {
      const end = begin + chunkBytes();
      this.reader.push(whole.subarray(begin, end));
      if (!this.done) this.done = this.exchange.read(this.reader, newTurn());
      begin = end;
    }
    return this;
  }
}

const names = ['a', 'é', '__proto__'];
const shape = new ReadShape(names);
const layout = new KeyLayout('p:', {});

function readBatch(rowCount: number): Batch<FeatureRow | FeatureBytes> {
  const ids = Array.from({ length: rowCount }, (_, row) => `${row}`);
  const keys = new KeyTable(layout.keyPrefix, rowCount);
  layout.addKeys(keys, ids);
  const commands = new KeyedRows(shape.command, keys);
  return { keys, commands, replies: new FeatureReplies(shape, ids) };
}

/** The same rows without the quick way. */
function slowly<Answer>(batch: Batch<Answer>): Batch<Answer> {
  const { replies } = batch;
  return { ...batch, replies: { answerOf: (all, row) => replies.answerOf(all, row) } };
}

/** Rows of which each has commands with so many replies, that are not written. */
function silentBatch<Answer>(
  rowCount: number,
  replyCounts: readonly number[],
  replies: Batch<Answer>['replies'],
): Batch<Answer> {
  const commands = { write: () => 0, repliesOf: () => replyCounts, bytesOf: () => 1 };
  return { keys: { count: rowCount, slotOf: () => 0 }, commands, replies };
}

/** Two commands per row, each answered by the reply itself, or a transaction of three. */
function echoBatch(rowCount: number, transaction: boolean): Batch<readonly Reply[]> {
  return silentBatch(rowCount, transaction ? [3] : [1, 1], { answerOf: (replies) => replies });
}

const OK: WireReply = { type: '+', line: 'OK' };
const value: fc.Arbitrary<WireReply> = fc.oneof(
  { arbitrary: fc.record({ type: fc.constant('$' as const), text: anyText }), weight: 6 },
  {
    arbitrary: fc.record({ type: fc.constantFrom('_' as const, 'null string' as const) }),
    weight: 2,
  },
  { arbitrary: fc.record({ type: fc.constant('+' as const), line: fc.constant('x') }), weight: 1 },
);
const rowReply: fc.Arbitrary<WireReply> = fc.oneof(
  {
    arbitrary: fc.record({
      type: fc.constant('*' as const),
      items: fc.array(value, { minLength: names.length, maxLength: names.length }),
    }),
    weight: 8,
  },
  fc.record({ type: fc.constant('*' as const), items: fc.array(value, { maxLength: 5 }) }),
  fc.record({
    type: fc.constantFrom('-' as const),
    line: fc.constantFrom('MOVED 1 h:1', 'WRONGTYPE Operation'),
  }),
  fc.record({ type: fc.constantFrom('null array' as const, '_' as const) }),
  fc.record({ type: fc.constant(':' as const), value: fc.nat() }),
);
const push: WireReply = { type: '>', items: [OK, { type: '$', text: 'a' }] };

test('the quick way gives what the thorough one gives, for any replies, cut anywhere', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(rowReply, fc.boolean()), { maxLength: 8 }),
      fc.nat(),
      fc.integer({ min: 1, max: 40 }),
      (replies, seed, maxChunkBytes) => {
        const frames = replies.flatMap(([reply, pushed]) => (pushed ? [push, reply] : [reply]));
        const bytes = Buffer.from(frames.map(encodeReply).join(''));
        const random = randomFrom(seed);
        const quick = new Run(readBatch(replies.length));
        const thorough = new Run(slowly(readBatch(replies.length)));
        quick.hear(bytes, () => 1 + Math.floor(random() * maxChunkBytes));
        thorough.hear(bytes);
        expect(quick.reported).toStrictEqual(thorough.reported);
        expect(quick.reported.map(([row]) => row)).toStrictEqual(replies.map((_, row) => row));
        expect(quick.reader.empty && thorough.reader.empty).toBe(true);
        expect(quick.exchange.openRows).toStrictEqual([]);
        expect(quick.exchange.openCount).toBe(0);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('the same of HSET and EXPIRE, whatever comes in between', () => {
  const batch = silentBatch(
    2,
    [1, 1],
    new WriteReplies(bulkWriter({} as Context, { ttlSeconds: 60 }), [1, 1]),
  );
  const integer = fc.record({ type: fc.constant(':' as const), value: fc.nat({ max: 2 }) });
  const anything = fc.oneof(
    { arbitrary: integer, weight: 6 },
    rowReply,
    fc.constant<WireReply>({ type: '-', line: 'OOM no' }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anything, fc.boolean()), { minLength: 4, maxLength: 4 }),
      (replies) => {
        const frames = replies.flatMap(([reply, pushed]) => (pushed ? [push, reply] : [reply]));
        const bytes = frames.map(encodeReply).join('');
        const quick = new Run(batch).hear(bytes, () => 3);
        const thorough = new Run(slowly(batch)).hear(bytes);
        expect(quick.reported).toStrictEqual(thorough.reported);
        expect(quick.reported).toHaveLength(2);
        expect(quick.reader.empty).toBe(true);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('rows are reported as they come, and the open ones are those that are missing', () => {
  const run = new Run(readBatch(6), { rows: [4, 2, 0] });
  expect(run.commands.map(([, key]) => key)).toStrictEqual(['p:4', 'p:2', 'p:0']);
  const row = (text: string): string => `*3\r\n$1\r\n${text}\r\n$-1\r\n_\r\n`;
  run.hear(`${row('x')}${row('y').slice(0, -1)}`);
  expect([run.reported, run.exchange.openRows, run.done]).toStrictEqual([
    [[4, { a: 'x' }]],
    [2, 0],
    false,
  ]);
  run.hear('\n');
  expect(run.exchange.openRows).toStrictEqual([0]);
  run.hear(row('z'));
  expect(run.reported.at(-1)).toStrictEqual([0, { a: 'z' }]);
  expect([run.exchange.openRows, run.exchange.openCount === 0, run.done]).toStrictEqual([
    [],
    true,
    true,
  ]);
});

test('what comes after the last reply is left alone', () => {
  const run = new Run(readBatch(1)).hear('*3\r\n_\r\n_\r\n_\r\n:7\r\n');
  expect(run.reported).toStrictEqual([[0, {}]]);
  expect(run.reader.read()).toBe(7);
});

test('bytes that are not RESP are reported to nobody', () => {
  const run = new Run(readBatch(2));
  expect(() => run.hear('*3\r\n_\r\n_\r\n_\r\nHTTP/1.1 200 OK\r\n')).toThrow(ProtocolError);
  expect(run.reported).toStrictEqual([[0, {}]]);
  expect(run.exchange.openRows).toStrictEqual([1]);
});

describe('after ASKING', () => {
  test('each command has one in front, whose reply is skipped', () => {
    const run = new Run(readBatch(2), { asking: true });
    expect(run.commands).toStrictEqual([
      ['ASKING'],
      ['HMGET', 'p:0', ...names],
      ['ASKING'],
      ['HMGET', 'p:1', ...names],
    ]);
    run.hear('+OK\r\n*3\r\n$1\r\n1\r\n_\r\n_\r\n+OK\r\n-ERR no\r\n');
    expect(run.reported).toStrictEqual([
      [0, { a: '1' }],
      [1, new ServerError('ERR no')],
    ]);
    expect([run.done, run.reader.empty]).toStrictEqual([true, true]);
  });

  test.each([
    [false, ['OK', 1, 'OK', 2], [1, 2]],
    [true, ['OK', 'OK', 'QUEUED', [5]], ['OK', 'QUEUED', [5]]],
  ] as const)('in a transaction (%s) the replies %j give %j', (transaction, replies, answer) => {
    const wire = (reply: Reply): WireReply =>
      typeof reply === 'number'
        ? { type: ':', value: reply }
        : Array.isArray(reply)
          ? { type: '*', items: reply.map(wire) }
          : { type: '+', line: String(reply) };
    const bytes = replies.map((reply) => encodeReply(push) + encodeReply(wire(reply))).join('');
    for (const chunkBytes of [1, 2, 7, 1_000]) {
      const run = new Run(echoBatch(2, transaction), { asking: true });
      run.hear(bytes + bytes, () => chunkBytes);
      expect(run.reported).toStrictEqual([
        [0, answer],
        [1, answer],
      ]);
      expect([run.done, run.reader.empty]).toStrictEqual([true, true]);
    }
  });

  test('an error to ASKING itself is not the row’s answer', () => {
    const run = new Run(readBatch(1), { asking: true });
    run.hear('-ERR This instance has cluster support disabled\r\n*3\r\n_\r\n_\r\n_\r\n');
    expect(run.reported).toStrictEqual([[0, {}]]);
  });
});

describe('the error of a row', () => {
  test.each([
    ['-MOVED 1 h:1\r\n:1\r\n', 'MOVED 1 h:1'],
    [':1\r\n-OOM no\r\n', 'OOM no'],
    ['-MOVED 1 h:1\r\n-ERR later\r\n', 'MOVED 1 h:1'],
  ])('of the replies %j is the first', (bytes, message) => {
    const run = new Run(echoBatch(1, false)).hear(bytes);
    expect(run.reported).toStrictEqual([[0, new ServerError(message)]]);
  });

  test.each([
    ['+OK\r\n-MOVED 1 h:1\r\n-EXECABORT discarded\r\n', 'MOVED 1 h:1'],
    ['+OK\r\n+QUEUED\r\n*2\r\n:1\r\n-WRONGTYPE no\r\n', 'WRONGTYPE no'],
    ['+OK\r\n+QUEUED\r\n*3\r\n:1\r\n!4\r\nERR1\r\n-ERR2\r\n', 'ERR1'],
    ['+OK\r\n+QUEUED\r\n-EXECABORT x\r\n', 'EXECABORT x'],
  ])('of the transaction %j is the reason', (bytes, message) => {
    const run = new Run(echoBatch(1, true)).hear(bytes, () => 2);
    expect(run.reported).toStrictEqual([[0, new ServerError(message)]]);
    expect(run.reader.empty).toBe(true);
  });

  test('does not touch its neighbours', () => {
    const rows = '*3\r\n$1\r\n1\r\n_\r\n_\r\n-WRONGTYPE no\r\n*3\r\n$1\r\n3\r\n_\r\n_\r\n';
    expect(new Run(readBatch(3)).hear(rows, () => 5).reported).toStrictEqual([
      [0, { a: '1' }],
      [1, new ServerError('WRONGTYPE no')],
      [2, { a: '3' }],
    ]);
  });
});

test('once abandoned, replies are read to the last and given to nobody', () => {
  const run = new Run(readBatch(3));
  run.hear('*3\r\n$1\r\n1\r\n_\r\n_\r\n*3\r\n$1\r\n');
  run.exchange.abandon();
  run.hear('2\r\n_\r\n_\r\n-MOVED 1 h:1\r\n:99\r\n');
  expect(run.reported).toStrictEqual([[0, { a: '1' }]]);
  expect(run.done).toBe(true);
  expect(run.reader.read()).toBe(99);
});

test('an exchange without rows is read at once', () => {
  const run = new Run(readBatch(0));
  expect(run.commands).toStrictEqual([]);
  expect(run.exchange.read(run.reader, newTurn())).toBe(true);
});
