import type { Reader } from '../reader.ts';
import { featureStore } from './feature-store.ts';
import { glide } from './glide.ts';
import { ioredisAutopipelining, ioredisPipelines, ioredisPipelinesRefreshing } from './ioredis.ts';
import { nodeRedis } from './node-redis.ts';

export const allReaders: readonly Reader[] = [
  featureStore,
  ioredisPipelines,
  ioredisPipelinesRefreshing,
  ioredisAutopipelining,
  nodeRedis,
  glide,
];
