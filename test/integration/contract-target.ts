import { Cluster, Redis } from 'ioredis';
import { FeatureStore, type FeatureStoreOptions } from '../../src/index.ts';

/** What keeps the contract: servers, or what stands for them. */
export interface ContractTarget {
  readonly name: string;
  /** Connects a store. Called once the servers run. */
  readonly connect: (options: ContractOptions) => Promise<FeatureStore>;
  /** Another client of the same servers, which writes what it likes. */
  readonly other: () => Promise<OtherClient>;
  /** Has that many seconds pass, where they do not pass by themselves. */
  readonly passSeconds?: (seconds: number) => Promise<void>;
}

export type ContractOptions = Pick<
  FeatureStoreOptions,
  'keyPrefix' | 'vipGroups' | 'vipGroupsRecord'
>;

export interface OtherClient {
  readonly call: (
    command: string,
    key: string | Uint8Array,
    ...words: (string | number | Uint8Array)[]
  ) => Promise<unknown>;
  readonly close: () => void;
}

/** Real servers. @param options is called once they run */
export function onServers(name: string, options: () => FeatureStoreOptions): ContractTarget {
  return {
    name,
    connect: (given) => FeatureStore.connect({ ...options(), ...given }),
    other: () => ioredisClient(options()),
  };
}

async function ioredisClient({ nodes = [] }: FeatureStoreOptions): Promise<OtherClient> {
  const node = new URL(nodes[0] ?? '');
  const place = { host: node.hostname, port: Number(node.port) };
  const probe = new Redis(place);
  const isCluster = /cluster_enabled:1/.test(await probe.info('cluster'));
  probe.disconnect();
  const redis = isCluster ? new Cluster([place]) : new Redis(place);
  const word = (one: string | number | Uint8Array): string | number | Buffer =>
    one instanceof Uint8Array ? Buffer.from(one) : one;
  return {
    call: (command, key, ...words) => redis.call(command, word(key), ...words.map(word)),
    close: () => redis.disconnect(),
  };
}
