import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BulkPace, type BulkPaces } from '../../src/cluster/bulk-pace.ts';

const paces: BulkPaces = {
  alone: { rowsPerTurn: 1_000, rowsPerWrite: 1_000, chunksInFlight: 4 },
  besideOnlineReads: { rowsPerTurn: 50, rowsPerWrite: 50, chunksInFlight: 1 },
  linkMs: 0.25,
  quietMs: 100,
};
const { alone, besideOnlineReads } = paces;

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

function noteNow(pace: BulkPace): void {
  pace.noteOnline(performance.now());
}

test('bulk work is alone until there is an online read, from the first moment on', () => {
  const pace = new BulkPace(paces);
  expect(performance.now()).toBe(0);
  expect(pace.now).toBe(alone);
  noteNow(pace);
  expect(pace.now).toBe(besideOnlineReads);
});

test('it is alone again when none has come for as long as told, and not before', () => {
  const pace = new BulkPace(paces);
  noteNow(pace);
  vi.advanceTimersByTime(99);
  expect(pace.now).toBe(besideOnlineReads);
  vi.advanceTimersByTime(1);
  expect(pace.now).toBe(alone);
  vi.advanceTimersByTime(1_000_000);
  expect(pace.now).toBe(alone);
});

test('the last online read counts', () => {
  const pace = new BulkPace(paces);
  for (let read = 0; read < 10; read++) {
    noteNow(pace);
    vi.advanceTimersByTime(60);
    expect(pace.now).toBe(besideOnlineReads);
  }
  vi.advanceTimersByTime(40);
  expect(pace.now).toBe(alone);
  noteNow(pace);
  expect(pace.now).toBe(besideOnlineReads);
});

test('a pace knows of its own reads only', () => {
  const [busy, quiet] = [new BulkPace(paces), new BulkPace(paces)];
  noteNow(busy);
  expect([busy.now, quiet.now]).toStrictEqual([besideOnlineReads, alone]);
});
