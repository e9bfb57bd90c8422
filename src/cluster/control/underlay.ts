/**
 * What a connection stands on: what its connections are opened with, and how addresses are reached.
 */

import { formatAddress, type Address, type HostAndPort } from '../address.ts';
import type { CredentialsKeeper } from './credentials.ts';
import type { AddressMapper, Topology } from '../routing/topology.ts';
import type { Cluster, Redis, RedisOptions } from '../lanes/ioredis.ts';

/** Whether the store talks to a cluster, or to one server that is none. */
export type ConnectionMode = 'cluster' | 'standalone';

export interface Underlay {
  readonly mode: ConnectionMode;
  /** What the caller's options, or the caller's own object, say of every connection. */
  readonly options: () => RedisOptions;
  /** Gives what a login says, where it changes. */
  readonly credentials: CredentialsKeeper | undefined;
  /** The caller's own object. Nothing is sent on it; a Cluster is asked which nodes it knows. */
  readonly own: Cluster | Redis | undefined;
  readonly natMap: NatMap | undefined;
  /**
   * Addresses that the caller named: asked where no node that is known answers. The one server,
   * where it is one.
   */
  readonly seeds: readonly Address[];
  /** The slot table that a seed reported: what the first refresh says is judged by it. */
  readonly reported?: Topology;
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

export function addressOf(redis: Redis): Address {
  const { host, port, path } = redis.options;
  return path ?? formatAddress({ host: host ?? '127.0.0.1', port: port ?? 6379 });
}
