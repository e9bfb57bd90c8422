import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startLocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { FeatureStore } from '../../src/index.ts';
import { Fstore, lastLine } from '../cli/fstore-process.ts';
import { temporaryFolder } from '../cli/temporary-folder.ts';

it('names exactly the ids of a dead shard, and scores the others', async () => {
  // No replica takes over before the test is done.
  const cluster = await startLocalCluster({ portFrom: 21_700, nodeTimeoutMs: 60_000 });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const fstore = new Fstore({ nodes: cluster.urls });
  await fstore.run(['build-features', '--count', '600']);
  const ids = Array.from({ length: 600 }, (_, i) => `u${String(i + 1).padStart(4, '0')}`);
  const [, victim] = await cluster.primaries();
  const port = victim?.port ?? 0;
  const store = await FeatureStore.connect({ nodes: cluster.urls, keyPrefix: fstore.keyPrefix });
  const dead = ids.filter((id) => store.shardFor(id) === `127.0.0.1:${port}`);
  await store.close();
  expect(dead.length).toBeGreaterThan(100);

  await cluster.kill(port);
  const out = join(await temporaryFolder(), 'scores.csv');
  const { exitCode, stderr } = await fstore.run(
    ['score', '--ids', '-', '--out', out, '--timeout-ms', '500'],
    { input: ids.join('\n') },
  );
  expect(exitCode).toBe(1);
  expect(lastLine(stderr)).toContain(`${dead.length} of 600 ids failed`);
  const failed = (await readFile(`${out}.failed.jsonl`, 'utf8')).trimEnd().split('\n');
  expect(failed.map((line) => JSON.parse(line).id)).toStrictEqual(dead);
  const [, ...lines] = (await readFile(out, 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => line.split(',')[0])).toStrictEqual(
    ids.filter((id) => !dead.includes(id)),
  );
  expect(lines.filter((line) => line.endsWith(','))).toStrictEqual([]);
});
