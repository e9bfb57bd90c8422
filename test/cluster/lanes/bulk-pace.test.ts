import { beforeEach, describe, expect, test } from 'vitest';
import { BulkPace } from '../../../src/cluster/lanes/bulk-pace.ts';
import type { BulkPaces } from '../../../src/cluster/limits.ts';

const paces: BulkPaces = {
  alone: {
    rowsPerTurn: 1_000,
    rowsPerWrite: 1_000,
    keysPerPage: 1_000,
    pagePauseMs: 0,
    chunksInFlight: 4,
  },
  besideOnlineReads: {
    rowsPerTurn: 50,
    rowsPerWrite: 50,
    keysPerPage: 50,
    pagePauseMs: 1,
    chunksInFlight: 1,
  },
  linkMs: 0.25,
  quietMs: 100,
};
const { alone, besideOnlineReads } = paces;

let nowMs = 0;
beforeEach(() => {
  nowMs = 0;
});

function newPace(): BulkPace {
  return new BulkPace(paces, () => nowMs);
}

function noteNow(pace: BulkPace): void {
  pace.noteOnline(nowMs);
}

test('bulk work is alone until there is an online read, from the first moment on', () => {
  const pace = newPace();
  expect(pace.now).toBe(alone);
  noteNow(pace);
  expect(pace.now).toBe(besideOnlineReads);
});

test('it is alone again when none has come for as long as told, and not before', () => {
  const pace = newPace();
  noteNow(pace);
  nowMs += 99;
  expect(pace.now).toBe(besideOnlineReads);
  nowMs += 1;
  expect(pace.now).toBe(alone);
  nowMs += 1_000_000;
  expect(pace.now).toBe(alone);
});

test('the last online read counts', () => {
  const pace = newPace();
  for (let read = 0; read < 10; read++) {
    noteNow(pace);
    nowMs += 60;
    expect(pace.now).toBe(besideOnlineReads);
  }
  nowMs += 40;
  expect(pace.now).toBe(alone);
  noteNow(pace);
  expect(pace.now).toBe(besideOnlineReads);
});

test('a pace knows of its own reads only', () => {
  const [busy, quiet] = [newPace(), newPace()];
  noteNow(busy);
  expect([busy.now, quiet.now]).toStrictEqual([besideOnlineReads, alone]);
});

describe('rows of a write', () => {
  const linkMs = 0.25;

  test.each([
    ['no round trip is known', undefined, 50],
    ['a round trip that cannot be measured', 0, 50],
    ['one within the rack', linkMs / 10, 50],
    ['just the link', linkMs, 50],
    ['half as long again', linkMs * 1.5, 75],
    ['a quarter of a row more', linkMs * 1.005, 50],
    ['a row and a half more', linkMs * 1.031, 52],
    ['ten times as long', linkMs * 10, 500],
    ['as long as makes it all', linkMs * 20, 1_000],
    ['longer than that', linkMs * 21, 1_000],
    ['a link to the moon', 2_600, 1_000],
  ])('beside online reads: %s', (_, roundTripMs, rowCount) => {
    const pace = newPace();
    noteNow(pace);
    expect(pace.rowsPerWrite(roundTripMs)).toBe(rowCount);
  });

  test.each([undefined, 0, linkMs, linkMs * 10, 2_600])('alone: all, at %s ms', (roundTripMs) => {
    expect(newPace().rowsPerWrite(roundTripMs)).toBe(alone.rowsPerWrite);
  });

  test('are those of the pace of now', () => {
    const pace = newPace();
    noteNow(pace);
    expect(pace.rowsPerWrite(linkMs)).toBe(50);
    nowMs += paces.quietMs;
    expect(pace.rowsPerWrite(linkMs)).toBe(1_000);
  });
});
