/**
 * The code that V8 has optimized for batches outlives a full garbage collection between two of
 * them.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startStandaloneServer } from '../../rig/local-cluster/standalone-server.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { RowExchange } from '../../src/cluster/lanes/row-exchange.ts';
import { FeatureStore } from '../../src/index.ts';
import { Gather } from '../../src/cluster/routing/gather.ts';
import { KeyTable } from '../../src/cluster/routing/key-table.ts';
import { KeyedRows } from '../../src/cluster/resp/keyed-command.ts';
import { FeatureReplies } from '../../src/store/read-shape.ts';

const NAMES = ['country_iso', 'risk_segment', 'tx_count_5m'];
const ids = Array.from({ length: 2_000 }, (_, n) => `u${n}`);
/**
 * What a batch spends its time in. One that is only ever inlined has no optimized code of its own.
 */
const hot = {
  'KeyTable.slotOf': KeyTable.prototype.slotOf,
  'KeyedRows.write': KeyedRows.prototype.write,
  'FeatureReplies.answerOfColumns': FeatureReplies.prototype.answerOfColumns,
  'Gather.answer': Gather.prototype.answer,
  'RowExchange.encode': RowExchange.prototype.encode,
  'RowExchange.read': RowExchange.prototype.read,
};

const ENOUGH = 3;

let server: Awaited<ReturnType<typeof startStandaloneServer>>;
beforeAll(async () => {
  server = await startStandaloneServer({ portFrom: 21_880 });
});
afterAll(() => server[Symbol.asyncDispose]());

function optimized(): string[] {
  return Object.entries(hot).flatMap(([name, run]) => (statusOf(run) & OPTIMIZED ? [name] : []));
}

setFlagsFromString('--expose-gc');
setFlagsFromString('--allow-natives-syntax');
const collectGarbage = runInNewContext('gc') as () => void;
const statusOf = runInNewContext('(run) => %GetOptimizationStatus(run)') as (
  run: unknown,
) => number;

/**
 * The bit of a status that says: this has code of V8's last compiler. It is another one from Node
 * 26 on, where the old one is that of the compiler before it, whose code comes and goes. So a
 * function that was just optimized shows it.
 */
const OPTIMIZED = highestBit(
  statusOf(
    runInNewContext(`
      const run = (x) => x + 1;
      %PrepareFunctionForOptimization(run);
      run(1);
      %OptimizeFunctionOnNextCall(run);
      run(2);
      run;
    `),
  ),
);

function highestBit(status: number): number {
  return 2 ** Math.floor(Math.log2(status));
}

it('a batch after a full collection runs as fast as the one before it', async () => {
  await using store = await FeatureStore.connect({ nodes: [server.url] });
  await store.bulkLoad(
    ids.map((id, n) => [id, { country_iso: 'DE', risk_segment: n, tx_count_5m: n }]),
  );
  await waitUntil(
    async () => {
      for (let n = 0; n < 10; n++) await store.batchGetFeatures(ids, NAMES);
      return optimized().length >= ENOUGH;
    },
    {
      what: `${ENOUGH} hot functions optimized`,
      timeoutMs: 30_000,
      why: () => optimized().join(', '),
    },
  );
  const before = optimized();
  collectGarbage();
  // Code that was thrown away is noticed when it is called; this is too short to be optimized anew.
  expect(await store.batchGetFeatures(ids, NAMES)).toHaveLength(ids.length);
  expect(optimized()).toStrictEqual(expect.arrayContaining(before));
});
