/**
 * A model, not a measurement: what throughput would be if every shard and every client process had
 * a core of its own, from what an id was measured to cost on each side.
 *
 *   one batch    client:  ids × client µs                      ┐ the two overlap: replies are
 *                shard:   ids on the fullest shard × server µs ┘ decoded while others are served
 *   throughput   the smaller of what all clients and what the fullest shard can do
 *
 * The fullest shard of a batch holds more than its share: of m ids in the mean, about m + √(2 m ln
 * shards). Left out: the network, which adds latency and no CPU here, replication, and everything
 * past 10,000 connections. A client's cost per id is taken to be the same for 3 shards and for 24.
 */

export interface CostPerId {
  readonly clientUs: number;
  /** Of all shards together. */
  readonly serverUs: number;
}

export interface ModelCosts {
  readonly idsPerBatch: number;
  readonly oneNode: CostPerId;
  readonly cluster: CostPerId;
}

export interface ModelPoint {
  readonly shards: number;
  readonly clients: number;
  readonly idsPerSecond: number;
  readonly limit: 'client' | 'servers';
}

export const MODEL_SHARDS: readonly number[] = [1, 3, 6, 12, 24];
export const MODEL_CLIENTS: readonly number[] = [1, 2, 4];

export function modelPoint(costs: ModelCosts, shards: number, clients: number): ModelPoint {
  const { clientUs, serverUs } = shards === 1 ? costs.oneNode : costs.cluster;
  const clientLimit = (clients * 1e6) / clientUs;
  const serverLimit = 1e6 / (serverUs * fullestShare(costs.idsPerBatch, shards));
  const limit = clientLimit < serverLimit ? 'client' : 'servers';
  return { shards, clients, idsPerSecond: Math.min(clientLimit, serverLimit), limit };
}

export function modelTable(costs: ModelCosts): ModelPoint[] {
  return MODEL_CLIENTS.flatMap((clients) =>
    MODEL_SHARDS.map((shards) => modelPoint(costs, shards, clients)),
  );
}

/** The fewest shards with which this many client processes are the limit. */
export function shardsUntilClientLimit(costs: ModelCosts, clients: number): number {
  let shards = 1;
  while (modelPoint(costs, shards, clients).limit === 'servers') shards++;
  return shards;
}

/**
 * The part of a batch that the fullest shard is expected to serve: 1/shards and what chance adds.
 */
export function fullestShare(idsPerBatch: number, shards: number): number {
  const mean = idsPerBatch / shards;
  return Math.min(1, (mean + Math.sqrt(2 * mean * Math.log(shards))) / idsPerBatch);
}

/** The most that can be measured where client and servers share the cores of one machine. */
export function sharedCoresLimit({ clientUs, serverUs }: CostPerId, cores: number): number {
  return Math.min(1e6 / clientUs, (cores * 1e6) / (clientUs + serverUs));
}
