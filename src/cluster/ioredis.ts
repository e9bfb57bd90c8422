/** The names of ioredis that the rest of the package speaks of; it is loaded here and nowhere else. */

export { Cluster, Redis } from 'ioredis';
export type { RedisOptions } from 'ioredis';
