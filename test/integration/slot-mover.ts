/** Moves slots between primaries as redis-cli does, step by step, so that a test can stop half way. */

import type { Redis } from 'ioredis';
import type { LocalCluster } from '../../scripts/local-cluster/local-cluster.ts';

interface Primary {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly client: Redis;
}

export class SlotMover implements AsyncDisposable {
  readonly #primaries: readonly Primary[];

  private constructor(primaries: readonly Primary[]) {
    this.#primaries = primaries;
  }

  static async open(cluster: LocalCluster): Promise<SlotMover> {
    const primaries = (await cluster.primaries()).map(async (node) => ({
      id: await cluster.idOf(node.port),
      host: node.host,
      port: node.port,
      client: node.client(),
    }));
    return new SlotMover(await Promise.all(primaries));
  }

  /** Marks the slot as migrating from its owner to the next primary; no key has moved yet. */
  async begin(slot: number): Promise<SlotMove> {
    const [asked] = this.#primaries;
    const ranges = await asked?.client.cluster('SLOTS');
    const range = ranges?.find(([first, last]) => Number(first) <= slot && slot <= Number(last));
    const port = Number(range?.[2]?.[1]);
    const index = this.#primaries.findIndex((primary) => primary.port === port);
    const from = this.#primaries[index];
    const to = this.#primaries[(index + 1) % this.#primaries.length];
    if (!from || !to) throw new Error(`no primary owns slot ${slot}`);
    await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
    await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
    return new SlotMove(slot, from, to, this.#primaries);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of this.#primaries) client.disconnect();
  }
}

export class SlotMove {
  readonly from: Primary;
  readonly to: Primary;
  readonly #slot: number;
  readonly #primaries: readonly Primary[];

  constructor(slot: number, from: Primary, to: Primary, primaries: readonly Primary[]) {
    this.#slot = slot;
    this.from = from;
    this.to = to;
    this.#primaries = primaries;
  }

  /** Moves up to `count` keys that are still at the source; gives those that it moved. */
  async moveKeys(count: number): Promise<string[]> {
    const { client } = this.from;
    const keys = await client.call('CLUSTER', 'GETKEYSINSLOT', this.#slot, count);
    const names = Array.isArray(keys) ? keys.map(String) : [];
    if (names.length > 0) {
      const { host, port } = this.to;
      await client.call('MIGRATE', host, port, '', 0, 5_000, 'KEYS', ...names);
    }
    return names;
  }

  /** Moves what is left and tells every primary who owns the slot now, the new owner first. */
  async finish(): Promise<void> {
    while ((await this.moveKeys(100)).length > 0);
    const others = this.#primaries.filter(({ id }) => id !== this.to.id && id !== this.from.id);
    for (const { client } of [this.to, this.from, ...others]) {
      await client.call('CLUSTER', 'SETSLOT', this.#slot, 'NODE', this.to.id);
    }
  }
}
