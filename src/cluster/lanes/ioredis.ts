/**
 * The names of ioredis that the rest of the package speaks of; it is loaded here and nowhere else.
 */

import { Redis, type Cluster } from 'ioredis';

export { Cluster, Redis } from 'ioredis';
export type { ClusterOptions, RedisOptions } from 'ioredis';

/**
 * The versions whose objects may be given. The store itself runs on 6: package.json's peer
 * dependency.
 */
export const IOREDIS_RANGE = '^5.11.1 || ^6.0.0';

/**
 * A Cluster or Redis of ioredis, of the store's copy or of another one. It is a shape, as the
 * classes of two copies are different types to TypeScript, and no instances of each other at run
 * time.
 */
export interface IoredisClient {
  /** Whether it is a Cluster, and not a Redis. */
  readonly isCluster: boolean;
  /** The state of its connection in the words of ioredis, such as `ready`. */
  readonly status: string;
  /** The options that it was made with; the store opens its own connections with them. */
  readonly options: object;
  /**
   * Opens its connection; called on a Cluster that is not connected.
   * @returns a promise whose value is not used
   */
  connect(): Promise<unknown>;
  /** Closes its connection; the store leaves that to the caller. */
  disconnect(): void;
  /**
   * Sends a command on its connection: AUTH where `credentials` are given, and nothing else.
   * @returns the reply
   */
  call(command: string, ...words: string[]): Promise<unknown>;
}

/**
 * Whether it is a Cluster. The one test of its kind: `instanceof` knows the objects of one copy
 * only.
 */
export function isCluster(redis: Cluster | Redis): redis is Cluster {
  return redis.isCluster;
}

/** Whether the store's own copy made it. */
export function isOfThisCopy(redis: object): boolean {
  return redis instanceof Redis || redis instanceof Redis.Cluster;
}
