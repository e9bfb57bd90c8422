/** A chunk that is sent in parts, and read in turns of the event loop. */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommandWriter } from '../../../src/cluster/resp/command-writer.ts';
import { ReplyReader, type Reply } from '../../../src/cluster/resp/reply-reader.ts';
import type { Batch } from '../../../src/cluster/batch.ts';
import { RowExchange, type Outcome } from '../../../src/cluster/lanes/row-exchange.ts';
import { EncodedRows } from '../../../src/cluster/resp/encoded-rows.ts';
import type { Turn } from '../../../src/cluster/lanes/turns.ts';
import { decodeCommands } from '../plain-resp.ts';
import { randomFrom } from '../resp/replies.ts';

type Answer = readonly Reply[];

/** What a batch of the tests is like. */
interface Kind {
  readonly commandsPerRow: number;
  readonly transaction: boolean;
  /** Whether it reads rows the quick way. */
  readonly quick: boolean;
  readonly asking: boolean;
}

const PLAIN: Kind = { commandsPerRow: 1, transaction: false, quick: true, asking: false };

const anyKind: fc.Arbitrary<Kind> = fc.record({
  commandsPerRow: fc.integer({ min: 1, max: 3 }),
  transaction: fc.boolean(),
  quick: fc.boolean(),
  asking: fc.boolean(),
});

/** The answer of rows whose replies were foreseen. */
const FORESEEN: Answer = ['as foreseen'];

/** `ECHO row command` for each command of a row; its answer is the list of what was said. */
function batchOf(rowCount: number, kind: Kind): Batch<Answer> {
  const { commandsPerRow, transaction, quick } = kind;
  const commands = new EncodedRows(new CommandWriter());
  for (let row = 0; row < rowCount; row++) {
    for (let i = 0; i < commandsPerRow; i++) {
      commands.writer.command(['ECHO', `${row} ${i}`]);
      if (!transaction) commands.endCommand();
    }
    if (transaction) commands.endCommand(commandsPerRow);
    commands.endRow();
  }
  const repliesTo = (row: number): Uint8Array[] => [
    replyTo(answerOf(row, kind).map((text) => ['ECHO', `${String(text)}`])),
  ];
  const usual = { answer: FORESEEN, repliesTo };
  return {
    keys: { count: rowCount, slotOf: () => 0 },
    commands,
    replies: { answerOf: (replies) => replies, usual: quick ? usual : undefined },
  };
}

/** What a server says to commands. */
function replyTo(commands: readonly string[][]): Buffer {
  const replies = commands.map(([name, text = '']) =>
    name === 'ASKING' ? '+OK\r\n' : `$${text.length}\r\n${text}\r\n`,
  );
  return Buffer.from(replies.join(''));
}

const answerOf = (row: number, { commandsPerRow }: Kind): Answer =>
  Array.from({ length: commandsPerRow }, (_, i) => `${row} ${i}`);

/** What is reported of a row: after ASKING nothing is foreseen. */
const reportedOf = (row: number, kind: Kind): Answer =>
  kind.quick && !kind.asking ? FORESEEN : answerOf(row, kind);

class Run {
  readonly reported: (readonly [row: number, outcome: Outcome<Answer>])[] = [];
  /** Of each part that was written. */
  readonly commandCounts: number[] = [];
  readonly exchange: RowExchange<Answer>;
  readonly reader = new ReplyReader();

  constructor(rows: readonly number[], kind: Kind = PLAIN) {
    const batch = batchOf(Math.max(0, ...rows) + 1, kind);
    const take = (row: number, outcome: Outcome<Answer>): void => {
      this.reported.push([row, outcome]);
    };
    this.exchange = new RowExchange<Answer>(batch, rows, kind.asking, {
      answer: take,
      settle: take,
      noteSent: (commandCount) => this.commandCounts.push(commandCount),
    });
  }

  /** Goes on to the next part. Gives the commands that are sent for it. */
  send(): string[][] {
    this.exchange.nextPart();
    const writer = new CommandWriter();
    this.exchange.encode(writer);
    return decodeCommands(writer.view());
  }

  /**
   * Reads what is there in one turn.
   * @returns whether the part is read, and how many rows were reported
   */
  read(
    rowsLeft: number = Number.POSITIVE_INFINITY,
  ): readonly [isPartRead: boolean, reported: number] {
    const turn: Turn = { rowsLeft };
    const before = this.reported.length;
    const isPartRead = this.exchange.read(this.reader, turn);
    const reported = this.reported.length - before;
    if (!this.exchange.isAbandoned && turn.rowsLeft !== rowsLeft - reported) {
      throw new Error(`${rowsLeft} - ${reported} rows are not ${turn.rowsLeft}`);
    }
    return [isPartRead, reported];
  }

  get reportedRows(): number[] {
    return this.reported.map(([row]) => row);
  }
}

const countUp = (count: number): number[] => Array.from({ length: count }, (_, row) => row);
const echoed = (commands: readonly string[][]): string[] =>
  commands.filter(([name]) => name === 'ECHO').map(([, text = '']) => text);

test('without a limit, all rows are one part', () => {
  const run = new Run([4, 2, 0]);
  expect(run.exchange.nextPart()).toBe(3);
  expect(echoed(run.send())).toStrictEqual(['4 0', '2 0', '0 0']);
});

test('a part has no more rows than it may, the next begins after it, and none is empty', () => {
  const run = new Run([4, 2, 0, 7, 9]);
  run.exchange.rowsPerPart = 2;
  const parts: string[][] = [];
  while (run.exchange.openCount > 0) {
    const commands = run.send();
    parts.push(echoed(commands));
    run.reader.push(replyTo(commands));
    expect(run.read()).toStrictEqual([true, commands.length]);
  }
  expect(parts).toStrictEqual([['4 0', '2 0'], ['0 0', '7 0'], ['9 0']]);
  expect(run.exchange.nextPart()).toBe(0);
});

test('the size of a part may change from one to the next', () => {
  const run = new Run(countUp(10));
  const sizes: number[] = [];
  for (const rowsPerPart of [1, 4, Number.POSITIVE_INFINITY]) {
    run.exchange.rowsPerPart = rowsPerPart;
    const commands = run.send();
    sizes.push(commands.length);
    run.reader.push(replyTo(commands));
    run.read();
  }
  expect(sizes).toStrictEqual([1, 4, 5]);
  expect([run.exchange.openCount === 0, run.reportedRows]).toStrictEqual([true, countUp(10)]);
});

test('a part that is sent is not changed by a size that comes later', () => {
  const run = new Run(countUp(6));
  run.exchange.rowsPerPart = 4;
  const commands = run.send();
  run.exchange.rowsPerPart = 1;
  run.reader.push(replyTo(commands));
  expect(run.read()).toStrictEqual([true, 4]);
  expect(run.exchange.openRows).toStrictEqual([4, 5]);
});

test('replies after the part are left alone, whatever they are for', () => {
  const run = new Run(countUp(4));
  run.exchange.rowsPerPart = 2;
  run.reader.push(Buffer.concat([replyTo(run.send()), Buffer.from(':99\r\n')]));
  expect(run.read()).toStrictEqual([true, 2]);
  expect(run.read()).toStrictEqual([true, 0]);
  expect(run.reader.read()).toBe(99);
});

describe('a turn', () => {
  test('without rows reads none, and consumes nothing', () => {
    const run = new Run([0, 1]);
    run.reader.push(replyTo(run.send()));
    expect(run.read(0)).toStrictEqual([false, 0]);
    expect(run.reader.position).toBe(0);
    expect(run.read()).toStrictEqual([true, 2]);
  });

  test('ends at its rows, and the next goes on from there', () => {
    const run = new Run(countUp(7));
    run.reader.push(replyTo(run.send()));
    expect([3, 1, 0, 3].map((rowsLeft) => run.read(rowsLeft))).toStrictEqual([
      [false, 3],
      [false, 1],
      [false, 0],
      [true, 3],
    ]);
    expect(run.reportedRows).toStrictEqual(countUp(7));
  });

  test('is used up by rows that nobody wants any more, too', () => {
    const run = new Run(countUp(5));
    run.reader.push(replyTo(run.send()));
    run.exchange.abandon();
    const turn: Turn = { rowsLeft: 3 };
    expect([run.exchange.read(run.reader, turn), turn.rowsLeft]).toStrictEqual([false, 0]);
    expect(run.exchange.openRows).toStrictEqual([3, 4]);
    expect(run.exchange.read(run.reader, { rowsLeft: 3 })).toBe(true);
    expect([run.reportedRows, run.reader.empty]).toStrictEqual([[], true]);
  });

  test('is not used up by a row that is not there whole', () => {
    const run = new Run(countUp(2));
    const bytes = replyTo(run.send());
    run.reader.push(bytes.subarray(0, bytes.length - 1));
    const turn: Turn = { rowsLeft: 10 };
    expect([run.exchange.read(run.reader, turn), turn.rowsLeft]).toStrictEqual([false, 9]);
    expect(run.exchange.read(run.reader, turn)).toBe(false);
    expect(turn.rowsLeft).toBe(9);
  });
});

test('a connection lost in the middle leaves the rows after it open, of all parts', () => {
  const rows = [9, 7, 5, 3, 1, 0];
  const run = new Run(rows);
  run.exchange.rowsPerPart = 2;
  run.reader.push(replyTo(run.send()));
  expect(run.read()).toStrictEqual([true, 2]);
  expect(run.exchange.openRows).toStrictEqual([5, 3, 1, 0]);
  const second = replyTo(run.send());
  run.reader.push(second.subarray(0, second.length - 3));
  expect(run.read()).toStrictEqual([false, 1]);
  expect([run.exchange.openRows, run.exchange.openCount === 0]).toStrictEqual([[3, 1, 0], false]);
  expect(run.reportedRows).toStrictEqual([9, 7, 5]);
});

/** Sizes of parts and turns, again and again. */
const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });

test('in any parts and turns, cut at any byte, each row is sent once and reported once, in order', () => {
  fc.assert(
    fc.property(
      anyKind,
      fc.uniqueArray(fc.nat({ max: 40 }), { maxLength: 25 }),
      sizes,
      sizes,
      fc.integer({ min: 1, max: 30 }),
      fc.nat(),
      (kind, rows, partSizes, turnSizes, maxChunkBytes, seed) => {
        const random = randomFrom(seed);
        const run = new Run(rows, kind);
        const sent: string[] = [];
        let turns = 0;
        const nextTurnSize = (): number => turnSizes[turns++ % turnSizes.length] ?? 1;
        for (let part = 0; run.exchange.openCount > 0; part++) {
          const partSize = partSizes[part % partSizes.length] ?? 1;
          run.exchange.rowsPerPart = partSize;
          const open = run.exchange.openRows;
          const commands = run.send();
          sent.push(...echoed(commands));
          expect(run.commandCounts.at(-1)).toBe(echoed(commands).length);
          const partRows = open.slice(0, partSize);
          expect(echoed(commands)).toStrictEqual(partRows.flatMap((row) => answerOf(row, kind)));
          const bytes = replyTo(commands);
          let isRead = false;
          for (let begin = 0; begin < bytes.length;) {
            expect(isRead).toBe(false);
            const end = begin + 1 + Math.floor(random() * maxChunkBytes);
            run.reader.push(bytes.subarray(begin, end));
            begin = end;
            for (;;) {
              const size = nextTurnSize();
              const [isPartRead, reported] = run.read(size);
              expect(reported).toBeLessThanOrEqual(size);
              isRead = isPartRead;
              if (isRead || reported < size) break;
            }
          }
          expect([isRead, run.reader.empty]).toStrictEqual([true, true]);
          expect(run.exchange.openRows).toStrictEqual(open.slice(partSize));
        }
        expect(sent).toStrictEqual(rows.flatMap((row) => answerOf(row, kind)));
        expect(run.reported).toStrictEqual(rows.map((row) => [row, reportedOf(row, kind)]));
      },
    ),
    { numRuns: 1_000 },
  );
});
