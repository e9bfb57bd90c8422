import { batchReads } from './batch-read.ts';
import { countEntities } from './count-entities.ts';
import { interference } from './interference.ts';
import { nodeCount } from './node-count.ts';
import { scaling } from './scaling.ts';
import { singleReads } from './single-read.ts';
import { streamingUpdate } from './streaming-update.ts';
import { vipGroups } from './vip-group.ts';
import type { WorkPlan } from './work-plan.ts';
import { writes } from './write.ts';

export const allWorks: readonly WorkPlan[] = [
  ...batchReads,
  ...singleReads,
  nodeCount,
  ...writes,
  streamingUpdate,
  ...interference,
  countEntities,
  ...vipGroups,
  scaling,
];
