/**
 * What the command line and the demo show of values that are no text, and of names that every
 * object has.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { FeatureStore } from '../../src/index.ts';
import { Fstore } from '../cli/fstore-process.ts';
import { demoFixture } from './demo-fixture.ts';

const FLOATS = new Uint8Array(new Float32Array([1, 2]).buffer);
const BASE64 = 'AACAPwAAAEA=';
const names = ['constructor', 'toString', '__proto__', 'then'];
const named = Object.fromEntries(names.map((name) => [name, `a ${name}`]));

describe('the command line', () => {
  const fstore = new Fstore({ nodes: inject('clusterNodes') });
  let store: FeatureStore;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shown-values-'));
    const { keyPrefix } = fstore;
    store = await FeatureStore.connect({ nodes: inject('clusterNodes'), keyPrefix });
    await store.bulkLoad({
      binary: { vector: FLOATS, text: 'abc' },
      constructor: { ...named, tx_count_7d: '3' },
      plain: { tx_count_7d: '4' },
    });
  });
  afterAll(async () => {
    await store.reset();
    await store.close();
    await rm(folder, { recursive: true });
  });

  it('inspect shows bytes by their length and in base64, and names as they are', async () => {
    const { stdout } = await fstore.run(['inspect', 'binary']);
    expect(stdout).toMatch(new RegExp(`^vector {2}8 bytes: ${BASE64} +none$`, 'm'));
    const json = await fstore.run(['inspect', 'binary', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      fields: [
        { name: 'text', value: 'abc', ttlSeconds: -1 },
        { name: 'vector', value: { base64: BASE64 }, ttlSeconds: -1 },
      ],
    });
    const other = await fstore.run(['inspect', 'constructor', '--json']);
    const { fields } = JSON.parse(other.stdout) as { fields: { name: string; value: string }[] };
    const shown = fields.map(({ name, value }) => [name, value]);
    expect(shown).toStrictEqual([...Object.entries(named), ['tx_count_7d', '3']].sort());
  });

  it('score scores by names that every object has, and names what is no text', async () => {
    const scorer = join(folder, 'scorer.mjs');
    await writeFile(
      scorer,
      `export const features = ${JSON.stringify([...names, 'tx_count_7d', 'vector'])};
      export const score = (rows) => rows.map((row) =>
        features.filter((name) => Object.hasOwn(row, name)).length);`,
    );
    const ids = join(folder, 'ids.txt');
    await writeFile(ids, 'constructor\n__proto__\nbinary\nplain\n');
    const out = join(folder, 'scores.csv');
    const flags = ['--ids', ids, '--scorer', scorer, '--out', out];
    const { exitCode } = await fstore.run(['score', ...flags]);
    expect(exitCode).toBe(1);
    expect(await readFile(out, 'utf8')).toBe('id,score\nconstructor,5\n__proto__,\nplain,1\n');
    const failed = await readFile(`${out}.failed.jsonl`, 'utf8');
    expect(JSON.parse(failed)).toMatchObject({ id: 'binary', code: 'NOT_TEXT' });
    expect(failed).not.toContain(BASE64);
  });
});

describe('the demo', () => {
  const demo = demoFixture('test:shown-values:');

  it('reads and inspects both', async () => {
    await demo.store.bulkLoad({ u9: { vector: FLOATS, ...named } });
    const field = ['vector', 'constructor', '__proto__', 'valueOf'];
    const read = await demo.call('POST', '/read', { user: 'u9', field });
    expect(read.status).toBe(200);
    const { values, returned_count: count } = read.body as {
      values: Record<string, string>;
      returned_count: number;
    };
    expect(Object.entries(values)).toStrictEqual([
      ['vector', `8 bytes: ${BASE64}`],
      ['constructor', 'a constructor'],
      ['__proto__', 'a __proto__'],
    ]);
    expect(count).toBe(3);
    const inspected = await demo.call('GET', '/inspect?user=u9');
    const { fields } = inspected.body as { fields: { name: string; value: string }[] };
    const found = fields
      .filter(({ value }) => value !== '')
      .map(({ name, value }) => [name, value]);
    expect(found).toStrictEqual(
      [...Object.entries(named), ['vector', `8 bytes: ${BASE64}`]].sort(),
    );
  });
});
