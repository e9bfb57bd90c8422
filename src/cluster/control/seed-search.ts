/**
 * Asks the seeds who they are, again and again, until one can be used; then the others have a
 * moment more, as they may belong to another cluster. Each is asked on a connection that is closed
 * again.
 */

import { FeatureStoreError } from '../../errors.ts';
import { formatAddress, type Address, type HostAndPort } from '../address.ts';
import { areOneCluster } from './believed-view.ts';
import { explainedAtFirst, FirstWords, isDenial, isFinal } from '../lanes/first-words.ts';
import type { CredentialsKeeper } from './credentials.ts';
import { openProbe } from '../lanes/open-redis.ts';
import { checkDatabase, obeyedOf } from './connection-options.ts';
import type { Redis, RedisOptions } from '../lanes/ioredis.ts';
import type { Patience } from './patience.ts';
import { SLOT_COUNT } from '../limits.ts';
import { Topology, type AddressMapper } from '../routing/topology.ts';
import type { ConnectionMode } from './underlay.ts';
import { SEED_GRACE_MS } from '../limits.ts';

/** A node to begin with; what its URL says of credentials holds for every node. */
export interface Seed extends HostAndPort {
  readonly redisOptions: RedisOptions;
}

/** What a seed is. */
export interface SeedAnswer {
  readonly seed: Seed;
  readonly mode: ConnectionMode;
  readonly topology: Topology;
}

/**
 * The seed that answered first. @throws FeatureStoreError CONNECT_FAILED, ACCESS_DENIED,
 * INVALID_OPTION
 */
export async function searchSeeds(
  seeds: readonly Seed[],
  patience: Patience,
  reach: AddressMapper,
  credentials: CredentialsKeeper | undefined,
): Promise<SeedAnswer> {
  for (let times = 0; ; times++) {
    const answers = await new SeedSearch(seeds, patience, reach, credentials).run();
    const [first] = answers;
    if (first !== undefined && areOfOne(answers, seeds.length, patience)) return first;
    await patience.pause(times);
    if (patience.isOver) throw patience.error();
  }
}

class SeedSearch {
  readonly #seeds: readonly Seed[];
  readonly #patience: Patience;
  readonly #reach: AddressMapper;
  readonly #credentials: CredentialsKeeper | undefined;
  readonly #answers: SeedAnswer[] = [];
  /** Words of seeds that will not have us. */
  readonly #refusals = new Map<Seed, string>();
  /** An option that the server, or ioredis, does not accept. */
  #badOption: FeatureStoreError | undefined;
  readonly #over = new AbortController();

  constructor(
    seeds: readonly Seed[],
    patience: Patience,
    reach: AddressMapper,
    credentials: CredentialsKeeper | undefined,
  ) {
    this.#credentials = credentials;
    this.#seeds = seeds;
    this.#patience = patience;
    this.#reach = reach;
  }

  /** In the order in which they came. */
  async run(): Promise<readonly SeedAnswer[]> {
    // In the order of the seeds.
    for (const seed of this.#seeds) this.#patience.note(formatAddress(seed), 'no answer yet');
    const asked = this.#seeds.map((seed) => this.#askUntilAnswered(seed));
    const all = Promise.all(asked.map(({ end }) => end));
    try {
      await Promise.race([all, ...asked.map(({ answer }) => answer)]);
      const heard = Promise.all(asked.map(({ first }) => first));
      await this.#patience.within(SEED_GRACE_MS, heard).catch(() => undefined);
    } finally {
      this.#over.abort();
    }
    if (this.#answers.length > 0) return this.#answers;
    if (this.#badOption) throw this.#badOption;
    if (this.#refusals.size > 0) throw this.#refused();
    throw this.#patience.error();
  }

  /**
   * `first` resolves after the first attempt, `answer` once there is one, `end` when no more comes.
   */
  #askUntilAnswered(seed: Seed): Record<'first' | 'answer' | 'end', Promise<void>> {
    let onFirst = (): void => undefined;
    let onAnswer = (): void => undefined;
    const first = new Promise<void>((resolve) => (onFirst = resolve));
    const answer = new Promise<void>((resolve) => (onAnswer = resolve));
    const goOn = async (): Promise<void> => {
      for (let times = 0; !this.#over.signal.aborted && !this.#patience.isOver; times++) {
        const isAnswered = await this.#ask(seed);
        onFirst();
        if (isAnswered) return onAnswer();
        await this.#patience.pause(times);
      }
    };
    return { first, answer, end: goOn() };
  }

  /** Whether it needs not be asked again. */
  async #ask(seed: Seed): Promise<boolean> {
    const address = formatAddress(seed);
    try {
      const answer = await this.#identify(seed);
      if (answer.topology.coveredSlotCount > 0) this.#answers.push(answer);
      else this.#patience.note(address, answer.topology.whyEmpty);
      return answer.topology.coveredSlotCount > 0;
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      if (this.#over.signal.aborted) return true;
      if (error instanceof FeatureStoreError) {
        this.#badOption = error;
        return true;
      }
      this.#patience.note(address, explainedAtFirst(words));
      if (isFinal(words)) this.#refusals.set(seed, explainedAtFirst(words));
      return isFinal(words);
    }
  }

  async #identify(seed: Seed): Promise<SeedAnswer> {
    const address = formatAddress(seed);
    const options = obeyedOf(seed.redisOptions);
    const redis = openProbe({ options, credentials: this.#credentials }, address);
    const words = new FirstWords(redis);
    let trouble = '';
    redis.on('error', (error: Error) => {
      trouble ||= error.message;
    });
    const stop = (): void => redis.disconnect();
    this.#over.signal.addEventListener('abort', stop);
    try {
      await this.#patience.within(this.#patience.attemptMs, redis.connect());
      const reply = await this.#slotsOf(redis);
      const mode = reply === undefined ? 'standalone' : 'cluster';
      await this.#patience.within(this.#patience.attemptMs, checkDatabase(redis, mode, options.db));
      const topology =
        reply === undefined
          ? Topology.standalone(address)
          : await Topology.fromClusterSlots(reply, address, this.#reach);
      return { seed, mode, topology };
    } catch (error) {
      if (error instanceof FeatureStoreError && error.code === 'INVALID_OPTION') throw error;
      const said = error instanceof Error ? error.message : String(error);
      // No cause: ioredis's errors hold the arguments of AUTH.
      // oxlint-disable-next-line preserve-caught-error
      throw new Error(words.refusal || trouble || said);
    } finally {
      this.#over.signal.removeEventListener('abort', stop);
      redis.disconnect();
    }
  }

  /** Nothing of a server that is not part of a cluster. */
  async #slotsOf(redis: Redis): Promise<unknown> {
    try {
      const slots = redis.call('CLUSTER', 'SLOTS');
      return await this.#patience.within(this.#patience.attemptMs, slots);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      if (/cluster support disabled|unknown command/i.test(said)) return undefined;
      throw error;
    }
  }

  #refused(): FeatureStoreError {
    const said = [...this.#refusals].map(([seed, words]) => `${formatAddress(seed)}: ${words}`);
    const isDenied = [...this.#refusals.values()].some(isDenial);
    return new FeatureStoreError(
      isDenied ? 'ACCESS_DENIED' : 'CONNECT_FAILED',
      `No node could be used: ${said.join('; ')}. ` +
        (isDenied
          ? 'Check redisOptions.username and redisOptions.password, or credentials, and the ACL ' +
            'in docs/operations.md.'
          : 'Check that the server runs, its address, and tls.'),
    );
  }
}

/**
 * Whether all belong to one cluster, or it is the one server. False while nodes that own no slot in
 * common do not know each other: their cluster is being made.
 */
function areOfOne(answers: readonly SeedAnswer[], seedCount: number, patience: Patience): boolean {
  const single = answers.find(({ mode }) => mode === 'standalone');
  if (single && seedCount > 1) {
    throw new FeatureStoreError(
      'INVALID_OPTION',
      `nodes names ${seedCount} servers, but ${formatAddress(single.seed)} is not part of a ` +
        'cluster; name one standalone server, or nodes of one cluster.',
    );
  }
  const clusters = clustersOf(answers);
  if (clusters.length === 1) return true;
  const slotCount = clusters.reduce((sum, [one]) => sum + (one?.topology.coveredSlotCount ?? 0), 0);
  const names = clusters.map((members) => members.map(({ seed }) => formatAddress(seed)));
  if (slotCount > SLOT_COUNT) throw ofSeveral(names);
  for (const name of names.flat()) patience.note(name, 'it does not know the other nodes yet');
  return false;
}

function clustersOf(answers: readonly SeedAnswer[]): SeedAnswer[][] {
  const clusters: SeedAnswer[][] = [];
  for (const answer of answers) {
    const own = clusters.find((members) =>
      members.some(({ topology }) => areOneCluster(topology, answer.topology)),
    );
    if (own) own.push(answer);
    else clusters.push([answer]);
  }
  return clusters;
}

function ofSeveral(clusters: readonly (readonly Address[])[]): FeatureStoreError {
  return new FeatureStoreError(
    'INVALID_OPTION',
    `nodes names nodes of ${clusters.length} clusters: ` +
      `${clusters.map((names) => names.join(', ')).join(' are of one; ')} of another. ` +
      'Name nodes of one cluster.',
  );
}
