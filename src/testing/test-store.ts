import { MAX_REPLICAS } from '../store/limits.ts';
import type { FieldTtlCommand } from '../cluster/delivery/field-ttl-command.ts';
import { wallClockMs } from '../runtime/clock.ts';
import { named } from '../store/calls.ts';
import { storeOn, type FeatureStore } from '../store/feature-store.ts';
import { checkInteger, checkKeys, isRecord, refuse } from '../store/option-checks.ts';
import {
  OPTION_NAMES,
  resolveOptions,
  type FeatureStoreOptions,
  type ResolvedOptions,
} from '../store/options.ts';
import { Faults } from './faults.ts';
import { MemoryBackend } from './memory-backend.ts';
import { MemoryServers } from './memory-servers.ts';
import { TestClock } from './test-clock.ts';

/** Options of a store that are not about servers, as in `FeatureStoreOptions`. */
export type StoreOptions = Omit<
  FeatureStoreOptions,
  'nodes' | 'redis' | 'redisOptions' | 'credentials' | 'natMap' | 'connectTimeoutMs' | 'warmUp'
>;

const OF_SERVERS: readonly string[] = [
  'nodes',
  'redis',
  'redisOptions',
  'credentials',
  'natMap',
  'connectTimeoutMs',
  'warmUp',
] satisfies readonly Exclude<keyof FeatureStoreOptions, keyof StoreOptions>[];

/**
 * What `createTestStore` takes: the options of `FeatureStore.connect` that are not about servers,
 * with the same checks and defaults, and those of the cluster in memory.
 * @example
 * ```ts
 * const { store } = await createTestStore({ keyPrefix: 'shop:', vipGroups: { vip: ['u1'] } });
 * ```
 */
export interface TestStoreOptions extends StoreOptions {
  /**
   * How many shards share the 16,384 slots, 1 to 1,000. Their addresses are `memory:7000`,
   * `memory:7001`, …
   * @default `3`
   */
  readonly shards?: number;
  /**
   * How many replicas each shard has, 0 to 100: as many confirm a write with `minReplicas`.
   * @default `1`
   */
  readonly replicas?: number;
  /**
   * What time it is at first, in milliseconds since 1970.
   * @default the real time
   */
  readonly startMs?: number;
}

/** A store in memory, with what a test does to it. */
export interface TestStore {
  /** The store: all of its calls, as on servers. */
  readonly store: FeatureStore;
  /**
   * Connects another store to the same servers, as another process would, or the same one after
   * `close`. Faults by id are those of the first store's ids.
   * @returns the store
   * @throws FeatureStoreError INVALID_OPTION, INVALID_ID
   */
  connect(options?: StoreOptions): Promise<FeatureStore>;
  /** The servers' clock, by which both TTL layers run, in milliseconds. */
  readonly clock: TestClock;
  /** What goes wrong. */
  readonly faults: Faults;
  /**
   * Sends a command past the store, as another client would: to look at what is stored, or to put
   * other bytes there. Strings come as text where they are UTF-8. Faults do not touch it.
   * @param name - such as `HSET`: commands on hashes, GET and SET, and those on keys and TTLs
   * @param key - such as `store.keyFor(id)`
   * @returns what the server replies
   * @throws FeatureStoreError WRONG_TYPE, COMMAND_REFUSED, UNSUPPORTED_SERVER
   */
  call(
    name: string,
    key: string | Uint8Array,
    ...words: readonly (string | number | Uint8Array)[]
  ): Promise<unknown>;
}

const MAX_SHARDS = 1_000;
const MAX_START_MS = 8_640_000_000_000_000;

/**
 * Makes a store on a cluster in memory, for tests of what uses the store: the same validation, keys,
 * encoding, partial results and errors, without a server. Each cluster has data of its own.
 * @returns `{ store, clock, faults, call, connect }`
 * @throws FeatureStoreError INVALID_OPTION, INVALID_ID
 * @example
 * ```ts
 * const { store, clock, faults } = await createTestStore({ shards: 3 });
 * await store.updateStreaming('u1', { tx_count_5m: 3 }, { ttlSeconds: 300 });
 * clock.advanceSeconds(301);
 * await store.getFeatures('u1', ['tx_count_5m']); // {}
 * faults.failShard('memory:7001');
 * ```
 */
export function createTestStore(options: TestStoreOptions = {}): Promise<TestStore> {
  return createStoreOn('HSETEX', options);
}

/** As `createTestStore`, on servers that write field TTLs with this command. */
export async function createStoreOn(
  fieldTtlCommand: FieldTtlCommand,
  options: TestStoreOptions,
): Promise<TestStore> {
  checkOptions('createTestStore', options, ['shards', 'replicas', 'startMs']);
  const { shards = 3, replicas = 1, startMs = wallClockMs(), ...storeOptions } = options;
  checkInteger('shards', shards, { min: 1, max: MAX_SHARDS });
  checkInteger('replicas', replicas, { min: 0, max: MAX_REPLICAS });
  checkInteger('startMs', startMs, { min: 0, max: MAX_START_MS });
  const clock = new TestClock(startMs);
  const servers = await MemoryServers.start({ shards, replicas, clock, fieldTtlCommand });
  const addresses = servers.topology.shards().map(({ address }) => address);
  const resolve = (given: StoreOptions): ResolvedOptions =>
    resolveOptions({ ...given, nodes: addresses.slice(0, 1) });
  const resolved = resolve(storeOptions);
  return {
    store: await storeOn(new MemoryBackend(servers), resolved),
    clock,
    faults: new Faults({ plan: servers.faults, layout: resolved.layout, shards: addresses }),
    call: (name, key, ...words) => servers.call(name, key, words),
    connect: (given = {}) =>
      named('connect', async () => {
        checkOptions('connect', given, []);
        return storeOn(new MemoryBackend(servers), resolve(given));
      }),
  };
}

function checkOptions(call: string, options: object, besides: readonly string[]): void {
  const known = OPTION_NAMES.filter((name) => !OF_SERVERS.includes(name));
  const foreign = OF_SERVERS.find((name) => isRecord(options) && Object.hasOwn(options, name));
  if (foreign !== undefined) refuse(`${call} takes no ${foreign}: its servers are in memory.`);
  checkKeys(`${call} options`, options, [...besides, ...known]);
}
