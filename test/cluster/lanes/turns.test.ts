import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import * as fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { nextTurn, sortInTurns } from '../../../src/runtime/slices.ts';
import { Turns, type TurnWork } from '../../../src/cluster/lanes/turns.ts';

/** The event loop, turned by hand: what was scheduled runs in the next turn, and not before. */
class Loop {
  #scheduled: (() => void)[] = [];
  scheduledCount = 0;

  readonly inNextTurn = (callback: () => void): void => {
    this.#scheduled.push(callback);
    this.scheduledCount++;
  };

  get isIdle(): boolean {
    return this.#scheduled.length === 0;
  }

  /** @throws what a callback throws, after the others */
  turn(): void {
    const callbacks = this.#scheduled;
    this.#scheduled = [];
    const errors: unknown[] = [];
    for (const callback of callbacks) {
      try {
        callback();
      } catch (error) {
        errors.push(error);
      }
    }
    for (const error of errors) throw error;
  }

  /** Turns until nothing is scheduled. Gives the number of turns. */
  run(): number {
    for (let turns = 0; ; turns++) {
      if (this.isIdle) return turns;
      if (turns > 10_000) throw new Error('it never ends');
      this.turn();
    }
  }
}

/** Takes rows from its turns until it has had so many; says what it took, and when. */
function rows(count: number, took: (rowCount: number) => void): TurnWork {
  let rowsLeft = count;
  return (turn) => {
    const taken = Math.min(rowsLeft, turn.rowsLeft);
    turn.rowsLeft -= taken;
    rowsLeft -= taken;
    took(taken);
    return rowsLeft === 0;
  };
}

test('work is done in the next turn, and not where it is added', () => {
  const loop = new Loop();
  const turns = new Turns(() => 10, loop.inNextTurn);
  const took: number[] = [];
  turns.add(rows(3, (count) => took.push(count)));
  expect(took).toStrictEqual([]);
  loop.turn();
  expect(took).toStrictEqual([3]);
  expect(loop.isIdle).toBe(true);
});

test('what is more than a turn may have goes on in the turns after it', () => {
  const loop = new Loop();
  const turns = new Turns(() => 10, loop.inNextTurn);
  const took: number[] = [];
  turns.add(rows(25, (count) => took.push(count)));
  expect(loop.run()).toBe(3);
  expect(took).toStrictEqual([10, 10, 5]);
});

test('how many rows a turn may have is asked at each turn', () => {
  const loop = new Loop();
  const paces = [1, 20, 4];
  const turns = new Turns(() => paces.shift() ?? 100, loop.inNextTurn);
  const took: number[] = [];
  turns.add(rows(30, (count) => took.push(count)));
  loop.run();
  expect(took).toStrictEqual([1, 20, 4, 5]);
});

test('a turn reads no more than its rows over all works, and not less while there are any', () => {
  const works = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(works, fc.integer({ min: 1, max: 25 }), (rowCounts, rowsPerTurn) => {
      const loop = new Loop();
      const turns = new Turns(() => rowsPerTurn, loop.inNextTurn);
      const taken = rowCounts.map(() => 0);
      let inThisTurn = 0;
      for (const [work, rowCount] of rowCounts.entries()) {
        turns.add(
          rows(rowCount, (count) => {
            taken[work] = (taken[work] ?? 0) + count;
            inThisTurn += count;
          }),
        );
      }
      const perTurn: number[] = [];
      while (!loop.isIdle) {
        inThisTurn = 0;
        loop.turn();
        perTurn.push(inThisTurn);
      }
      expect(taken).toStrictEqual(rowCounts);
      // All turns but the last are full; one more may find only works without rows.
      const total = rowCounts.reduce((sum, rowCount) => sum + rowCount, 0);
      const full = Math.floor(total / rowsPerTurn);
      expect(perTurn.slice(0, full)).toStrictEqual(new Array(full).fill(rowsPerTurn));
      expect(perTurn.slice(full).reduce((sum, count) => sum + count, 0)).toBe(total % rowsPerTurn);
      expect(perTurn.length).toBeLessThanOrEqual(full + 1);
    }),
  );
});

test('works that never have enough are served by turns', () => {
  const loop = new Loop();
  const turns = new Turns(() => 10, loop.inNextTurn);
  const served: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    turns.add(rows(1_000, () => served.push(name)));
  }
  for (let turn = 0; turn < 9; turn++) loop.turn();
  expect(served.join('')).toBe('abcabcabc');
});

test('a small work waits for a turn of each that is in front, and not for their ends', () => {
  const loop = new Loop();
  const turns = new Turns(() => 10, loop.inNextTurn);
  const done = vi.fn<(rowCount: number) => void>();
  for (let big = 0; big < 3; big++) turns.add(rows(100_000, () => undefined));
  loop.turn();
  turns.add(rows(1, done));
  for (let turn = 0; turn < 3; turn++) loop.turn();
  expect(done).not.toHaveBeenCalled();
  loop.turn();
  expect(done).toHaveBeenCalledExactlyOnceWith(1);
});

test('a work that throws is dropped, told, and does not stop the others', () => {
  const loop = new Loop();
  const turns = new Turns(() => 10, loop.inNextTurn);
  const took: string[] = [];
  const broken = vi.fn<TurnWork>(() => {
    throw new Error('broken');
  });
  turns.add(rows(4, () => took.push('before')));
  turns.add(broken);
  turns.add(rows(4, () => took.push('after')));
  expect(() => loop.turn()).toThrow('broken');
  loop.run();
  expect(took).toStrictEqual(['before', 'after']);
  expect(broken).toHaveBeenCalledOnce();
  turns.add(rows(1, () => took.push('later')));
  loop.run();
  expect(took).toStrictEqual(['before', 'after', 'later']);
});

test('works that all throw are each told, one in a turn', () => {
  const loop = new Loop();
  const turns = new Turns(() => 10, loop.inNextTurn);
  for (const name of ['first', 'second']) {
    turns.add(() => {
      throw new Error(name);
    });
  }
  expect(() => loop.turn()).toThrow('first');
  expect(() => loop.turn()).toThrow('second');
  expect(loop.isIdle).toBe(true);
});

test('nothing is scheduled while there is nothing to do, and no turn twice', () => {
  const loop = new Loop();
  const turns = new Turns(() => 10, loop.inNextTurn);
  expect(loop.scheduledCount).toBe(0);
  for (let i = 0; i < 5; i++) turns.add(rows(2, () => undefined));
  expect(loop.scheduledCount).toBe(1);
  loop.run();
  expect(loop.scheduledCount).toBe(1);
  turns.add(rows(15, () => undefined));
  expect(loop.scheduledCount).toBe(2);
  loop.run();
  expect(loop.scheduledCount).toBe(3);
});

test('what a work adds is done too, and shares the turn', () => {
  const loop = new Loop();
  const turns = new Turns(() => 10, loop.inNextTurn);
  const took: number[] = [];
  turns.add((turn) => {
    turn.rowsLeft -= 7;
    turns.add(rows(5, (count) => took.push(count)));
    return true;
  });
  loop.run();
  expect(took).toStrictEqual([3, 2]);
  expect(loop.isIdle).toBe(true);
});

test('a turn of the real loop looks at the sockets, and lets timers run', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[peer]] = await Promise.all([
    once(server, 'connection') as Promise<[Socket]>,
    once(socket, 'connect'),
  ]);
  onTestFinished(() => {
    socket.destroy();
    peer.destroy();
    server.close();
  });
  const heard: string[] = [];
  socket.on('data', (chunk) => heard.push(chunk.toString()));
  await nextTurn(); // from here on we are after the sockets of a turn
  for (const text of ['a', 'b', 'c']) {
    peer.write(text);
    expect(heard.at(-1)).not.toBe(text);
    await nextTurn();
    expect(heard.at(-1)).toBe(text);
  }
});

test('however many items are sorted as a sort would, with turns of the event loop between', async () => {
  for (const count of [0, 1, 4_096, 4_097, 50_000]) {
    const items = Array.from({ length: count }, (_, n) => ({ key: (n * 7_919) % 1_009, n }));
    const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key;
    let turns = 0;
    let isDone = false;
    const tick = (): void => {
      turns++;
      if (!isDone) setImmediate(tick);
    };
    setImmediate(tick);
    const sorted = await sortInTurns(items, compare);
    isDone = true;
    expect(sorted).toStrictEqual([...items].sort(compare));
    expect(turns).toBeGreaterThanOrEqual(Math.floor((count - 1) / 4_096));
  }
});
