import type { Rival } from '../rival.ts';
import { featureStore } from './feature-store.ts';
import { glide } from './glide.ts';
import { ioredisAutopipelining, ioredisPromiseAll } from './ioredis-commands.ts';
import { ioredisPipelines } from './ioredis-pipelines.ts';
import { iovalkey } from './iovalkey.ts';
import { nodeRedis } from './node-redis.ts';

/** redis-benchmark is no client: works/batch-read.ts runs it. */
export const allRivals: readonly Rival[] = [
  featureStore,
  ioredisPipelines,
  ioredisAutopipelining,
  ioredisPromiseAll,
  nodeRedis,
  glide,
  iovalkey,
];
