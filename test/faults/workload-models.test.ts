/** The rules for replacements, nulls, event times and ghosts can fail, each of them. */

import { describe, expect, it } from 'vitest';
import { Checker } from '../../rig/soak/checker.ts';
import { GhostModel } from '../../rig/soak/ghost-model.ts';
import { kindOf, valuesAndNulls, valuesOf, type Layer } from '../../rig/soak/layers.ts';
import { Model, type Expectations, type Finding } from '../../rig/soak/model.ts';
import { timedValues, TimeModel } from '../../rig/soak/time-model.ts';
import { seededRandom } from '../../src/synthetic/seeded-random.ts';

type Row = Readonly<Record<string, string>>;
const VARYING = ['replaced', 'subset', 'nulled', 'fleeting'] as const satisfies readonly Layer[];

function kindsOf(model: Expectations, row: Row, floors = model.floorsOf(['a'])): string[] {
  return model.check('a', row, floors, 0).map(({ kind }) => kind);
}

function written(layer: Layer, versions: number): Model {
  const model = new Model(['a'], () => 0, [layer]);
  for (let n = 0; n < versions; n++) {
    model.begin(layer, 'a');
    model.acknowledge(layer, 'a');
  }
  return model;
}

describe.each(VARYING)('versions with other features each, %s', (layer) => {
  const versions = Array.from({ length: 40 }, (_, n) => n + 1);

  it('has every feature now and then, and at least one', () => {
    const rows = versions.map((version) => Object.keys(valuesOf(layer, 'a', version)));
    expect(Math.min(...rows.map((names) => names.length))).toBeGreaterThan(0);
    for (const name of kindOf(layer).names) {
      const having = rows.filter((names) => names.includes(name)).length;
      expect(having).toBeGreaterThan(3);
      expect(having).toBeLessThan(40);
    }
    const all = valuesAndNulls(layer, 'a', 7);
    expect(Object.keys(all)).toStrictEqual(kindOf(layer).names);
    expect(Object.values(all)).toContain(null);
  });

  it('takes each version whole, from the one that was acknowledged on', () => {
    for (const version of versions) {
      expect(kindsOf(written(layer, version), valuesOf(layer, 'a', version))).toStrictEqual([]);
    }
    expect(kindsOf(written(layer, 3), valuesOf(layer, 'a', 2))).toStrictEqual(['lost']);
    expect(kindsOf(written(layer, 3), valuesOf(layer, 'a', 4))).toStrictEqual(['wrong value']);
    expect(kindsOf(written(layer, 3), valuesOf(layer, 'b', 3))).toStrictEqual(['wrong value']);
    expect(kindsOf(written(layer, 3), {})).toStrictEqual(['wrong null']);
  });

  it('refuses a version that is torn, and one with a feature of another', () => {
    for (const version of versions.slice(1)) {
      const model = written(layer, version);
      const row = valuesOf(layer, 'a', version);
      const before = valuesOf(layer, 'a', version - 1);
      const names = Object.keys(row);
      for (const name of names.length > 1 ? names : []) {
        const { [name]: _, ...others } = row;
        expect(kindsOf(model, others)).toStrictEqual(['mixed']);
      }
      // One came back, or was not replaced; where it is all that there is, it is the version before.
      for (const [name, value] of Object.entries(valuesOf(layer, 'a', version - 1))) {
        const isAll = names.join() === name && Object.keys(before).length === 1;
        const expected = isAll ? ['lost'] : ['mixed'];
        expect(kindsOf(model, { ...row, [name]: value })).toStrictEqual(expected);
      }
    }
  });
});

describe('event times', () => {
  const rowAt = (time: number): Row => ({ ...timedValues('a', time), '@event_time': `${time}` });

  /** A model of which the times 1 to `sent` were taken, and no others. */
  function sentTo(sent: number, nowMs = { value: 0 }): TimeModel {
    const model = new TimeModel(['a'], () => nowMs.value);
    const taken = new Set<number>();
    const random = seededRandom(1);
    while (!Array.from({ length: sent }, (_, n) => n + 1).every((time) => taken.has(time))) {
      for (const time of model.take(random, 'a', 1)) taken.add(time);
    }
    return model;
  }

  it('gives each time once, in another order than theirs', () => {
    const model = new TimeModel(['a'], () => 0);
    const random = seededRandom(3);
    const times = Array.from({ length: 200 }, () => model.take(random, 'a', 1)).flat();
    expect(new Set(times).size).toBe(200);
    expect(times).not.toStrictEqual(times.toSorted((a, b) => a - b));
    expect(Math.min(...times)).toBeGreaterThan(0);
    expect(times.filter((time, at) => times.slice(0, at).some((one) => one > time))).not.toEqual(
      [],
    );
  });

  it('takes the newest that was acknowledged, or a newer one that was sent', () => {
    const model = sentTo(20);
    expect(kindsOf(model, {})).toStrictEqual([]);
    expect(model.acknowledge('a', 9, true, 0)).toBeUndefined();
    expect(model.acknowledge('a', 4, false, 9)).toBeUndefined();
    expect(kindsOf(model, rowAt(9))).toStrictEqual([]);
    model.fail('a', 12, 'TIMEOUT');
    expect(kindsOf(model, rowAt(12))).toStrictEqual([]);
    expect(kindsOf(model, rowAt(9))).toStrictEqual([]);
    // An older reply means that there is something newer.
    model.acknowledge('a', 14, false, 9);
    expect(kindsOf(model, rowAt(14))).toStrictEqual([]);
  });

  it('refuses a time that went back, in a row or in what a write came to', () => {
    const model = sentTo(20);
    model.acknowledge('a', 9, true, 0);
    const before = model.floorsOf(['a']);
    expect(kindsOf(model, rowAt(8))).toStrictEqual(['lost']);
    expect(kindsOf(model, rowAt(8), before)).toStrictEqual([]); // reported
    model.acknowledge('a', 9, true, 8);
    expect(kindsOf(model, rowAt(8))).toStrictEqual(['lost']);
    model.acknowledge('a', 15, true, 8);
    expect(model.acknowledge('a', 10, true, 15)?.kind).toBe('lost');
    const overtaken = sentTo(20);
    overtaken.fail('a', 5, 'TIMEOUT');
    overtaken.acknowledge('a', 6, true, 0);
    expect(kindsOf(overtaken, rowAt(5))).toStrictEqual(['lost']); // a late one of unknown outcome, too
  });

  it('refuses a row of another entity, of a time never sent, torn, or with less', () => {
    const model = sentTo(20);
    model.acknowledge('a', 9, true, 0);
    const row = rowAt(9);
    expect(kindsOf(model, rowAt(1_000))).toStrictEqual(['wrong value']);
    expect(kindsOf(model, { ...row, t1: 'b t1 9' })).toStrictEqual(['wrong value']);
    expect(kindsOf(model, { ...row, t1: 'a t1 8' })).toStrictEqual(['wrong value']);
    expect(kindsOf(model, { ...row, '@event_time': '10' })).toStrictEqual(['wrong value']);
    const { t0: _, ...half } = row;
    expect(kindsOf(model, half)).toStrictEqual(['wrong null']);
    expect(kindsOf(model, {})).toStrictEqual(['wrong null']);
  });

  it('tolerates a loss by when the lost time was acknowledged, and none of what replicas have', async () => {
    const nowMs = { value: 100 };
    const model = sentTo(30, nowMs);
    const causes: number[] = [];
    const checker = new Checker(model, 1, ({ acknowledgedAtMs }) => {
      causes.push(acknowledgedAtMs);
      return acknowledgedAtMs >= 300 ? 'killed' : undefined;
    });
    const see = (time: number): void =>
      checker.checkRows(['a'], model.floorsOf(['a']), [rowAt(time)], []);
    model.acknowledge('a', 7, true, 0);
    nowMs.value = 300;
    model.acknowledge('a', 10, true, 7);
    see(7);
    expect(checker.tally).toMatchObject({ wrongTimes: 0, lostByCause: { killed: 1 } });
    see(7);
    expect(causes).toStrictEqual([300]);
    model.acknowledge('a', 12, true, 7);
    await model.markReplicated(async () => undefined);
    see(10);
    expect(checker.tally).toMatchObject({ wrongTimes: 1, lostWrites: 0 });
    expect(checker.tally.violations.join()).toContain('a timed: lost: 12 acknowledged, 10 seen');
  });
});

it('counts each kind of finding by itself', () => {
  const checker = new Checker(new GhostModel(['g']), 1);
  const { tally } = checker;
  checker.checkRows(['g'], new Int32Array(2), [{}], []);
  expect(tally).toMatchObject({ wrongGhosts: 0, violations: [] });
  checker.checkRows(['g'], new Int32Array(2), [{ s0: 'g s0 1' }], []);
  expect(tally).toMatchObject({ wrongGhosts: 1, wrongValues: 0 });
  const mixed: Finding = { kind: 'mixed', layer: 'replaced', what: 'two versions' };
  checker.report('r', mixed);
  expect(tally).toMatchObject({ wrongReplacements: 1, wrongGhosts: 1 });
  expect(tally.violations).toHaveLength(2);
});

it('looks at the TTLs of layers whose features vary', () => {
  const model = new Model(['a'], () => 0, ['replaced', 'streaming']);
  const checker = new Checker(model, 1);
  const ttls = { batchTtlSeconds: 100, streamingTtlSeconds: 10 };
  const none = Object.fromEntries(kindOf('replaced').names.map((name) => [name, -2]));
  for (const layer of model.layers) {
    model.begin(layer, 'a');
    model.acknowledge(layer, 'a');
  }
  const wrongOf = (keyTtl: number, fields: Record<string, number>): number => {
    checker.tally.wrongTtls = 0;
    checker.checkTtls(
      'a',
      keyTtl,
      { ...none, s0: 9, s1: 9, ...fields },
      model.floorsOf(['a']),
      ttls,
    );
    return checker.tally.wrongTtls;
  };
  expect(wrongOf(99, { r0: -1 })).toBe(0);
  expect(wrongOf(99, { r0: 5 })).toBe(1);
  expect(wrongOf(99, { s0: -1 })).toBe(1);
  expect(wrongOf(99, { s0: -2 })).toBe(1);
  expect(wrongOf(-1, { r0: -1 })).toBe(1);
});
