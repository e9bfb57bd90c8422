/** What a connection stands on: an ioredis object, and how addresses are reached. */

import { formatAddress, type Address, type HostAndPort } from './address.ts';
import type { AddressMapper } from './topology.ts';
import type { Cluster, Redis, RedisOptions } from './ioredis.ts';

export type ConnectionMode = 'cluster' | 'standalone';

export interface Underlay {
  readonly mode: ConnectionMode;
  readonly redis: Cluster | Redis;
  /** Whether `close` ends `redis` too. */
  readonly owned: boolean;
  readonly natMap: NatMap | undefined;
  /** Addresses that the caller named: asked where no node that is known answers. */
  readonly seeds: readonly Address[];
}

export type NatMap =
  | Readonly<Record<Address, HostAndPort>>
  | ((address: Address) => HostAndPort | null);

/** How an address that a node announced is reached from here. */
export function reachBy(natMap: NatMap | undefined): AddressMapper {
  return (announced) => {
    const mapped = typeof natMap === 'function' ? natMap(announced) : natMap?.[announced];
    return mapped ? formatAddress(mapped) : announced;
  };
}

export function addressOf(redis: Redis | Cluster): Address {
  const { host, port, path } = redis.options as RedisOptions;
  return path ?? formatAddress({ host: host ?? '127.0.0.1', port: port ?? 6379 });
}
