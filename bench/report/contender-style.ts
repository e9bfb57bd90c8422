/**
 * How each contender looks, in every plot the same. Colours are in page-style.ts, light and dark.
 */

const COLORS: Readonly<Record<string, string>> = {
  'cluster-feature-store': 'ours',
  'ioredis-pipelines': 'ioredis',
  'ioredis-autopipelining': 'autopipelining',
  'ioredis-promise-all': 'promise-all',
  'node-redis': 'node-redis',
  glide: 'glide',
  iovalkey: 'iovalkey',
};

const LABELS: Readonly<Record<string, string>> = {
  'ioredis-pipelines': 'ioredis, pipeline per shard',
  'ioredis-autopipelining': 'ioredis autopipelining',
  'ioredis-promise-all': 'ioredis Promise.all',
  'node-redis': 'node-redis Promise.all',
  glide: 'GLIDE ClusterBatch',
  iovalkey: 'iovalkey, pipeline per shard',
  'redis-benchmark': 'redis-benchmark (C), at its best',
  'redis-benchmark -P 16': 'redis-benchmark (C), -c 50 -P 16',
};

export function colorOf(contender: string): string {
  return `var(--${COLORS[contender] ?? 'neutral'})`;
}

export function labelOf(contender: string): string {
  return LABELS[contender] ?? contender;
}
