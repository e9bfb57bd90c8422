/**
 * The same batch on six nodes and on one, in turns: what the splitting of a batch costs the client.
 */

import { CpuMeter } from '../cpu-meter.ts';
import { drawIndexes, idOf } from '../data-set.ts';
import type { Contender } from '../interleave.ts';
import type { TargetKind } from '../rival.ts';
import { checkRows } from './row-check.ts';
import type { WorkPlan } from './work-plan.ts';

const IDS = 10_000;

export const SIX_NODES = 'six nodes';
export const ONE_NODE = 'one node';

export const nodeCount: WorkPlan = {
  name: 'nodes-10000',
  title: 'batch read of ours, 10,000 ids, six nodes and one in turns',
  unit: 'id',
  targets: ['cluster'],
  rounds: 7,
  turnMs: 300,
  concurrency: 1,
  contenders: async (bench) => {
    const { narrow, seed, servers } = bench;
    const indexes = drawIndexes(seed, IDS, narrow.count);
    const ids = indexes.map(idOf);
    const contender = async (name: string, kind: TargetKind): Promise<Contender> => {
      const ours = await bench.openOurs(servers[kind], narrow.prefix);
      const meter = new CpuMeter(servers[kind]);
      bench.onClose(async () => meter.close());
      return {
        name,
        meter,
        idsPerOperation: IDS,
        run: () => ours.readBatch(ids, narrow.readNames),
        check: async () => {
          checkRows(name, narrow, indexes, await ours.readBatch(ids, narrow.readNames));
        },
      };
    };
    return [await contender(SIX_NODES, 'cluster'), await contender(ONE_NODE, 'standalone')];
  },
};
