import { FeatureStore, type FeatureStoreOptions } from '../../src/index.ts';

/** What keeps the contract: servers, or what stands for them. */
export interface ContractTarget {
  readonly name: string;
  /** Connects a store. Called once the servers run. */
  readonly connect: (options: ContractOptions) => Promise<FeatureStore>;
  /** Puts a string where the store expects a hash, as another client would. */
  readonly setString: (key: string) => Promise<void>;
  /** Has that many seconds pass, where they do not pass by themselves. */
  readonly passSeconds?: (seconds: number) => Promise<void>;
}

export type ContractOptions = Pick<FeatureStoreOptions, 'keyPrefix' | 'vipGroups'>;

/** Real servers. @param options is called once they run */
export function onServers(name: string, options: () => FeatureStoreOptions): ContractTarget {
  return {
    name,
    connect: (given) => FeatureStore.connect({ ...options(), ...given }),
    setString: (key) => setStringOn(options(), key),
  };
}

/** Puts a string where the store expects a hash, with a client of its own. */
async function setStringOn(options: FeatureStoreOptions, key: string): Promise<void> {
  const { Cluster, Redis } = await import('ioredis');
  const node = new URL(options.nodes?.[0] ?? '');
  const probe = new Redis(Number(node.port), node.hostname);
  const isCluster = /cluster_enabled:1/.test(await probe.info('cluster'));
  probe.disconnect();
  const place = { host: node.hostname, port: Number(node.port) };
  const redis = isCluster ? new Cluster([place]) : new Redis(place);
  await redis.set(key, 'not a hash');
  redis.disconnect();
}
