import { describe, expect, test } from 'vitest';
import { parseBenchArguments } from '../../bench/arguments.ts';
import { RIVAL_NAMES } from '../../bench/rival.ts';

describe('the flags of the benchmark', () => {
  test('without any, everything is measured and kept', () => {
    expect(parseBenchArguments([])).toStrictEqual({
      quick: false,
      only: [],
      rivals: RIVAL_NAMES,
      seed: 42,
      label: 'local',
      save: true,
      help: false,
    });
  });

  test('lists go by comma', () => {
    const flags = parseBenchArguments([
      '--only',
      'single, read-10000',
      '--rivals=glide',
      '--no-save',
    ]);
    expect(flags).toMatchObject({ only: ['single', 'read-10000'], rivals: ['glide'], save: false });
  });

  test.each([
    [['--rivals', 'nobody'], "knows no 'nobody'"],
    [['--seed', 'x'], 'whole number'],
    [['--label', '../x'], 'file name'],
    [['--fast'], '--fast'],
  ])('%j is refused', (args, message) => {
    expect(() => parseBenchArguments(args)).toThrow(message);
  });
});
