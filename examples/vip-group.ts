/**
 * A few users whose features a request needs together, many times a second: a VIP group.
 *
 * The keys of a group share one slot. So one pipeline to one shard reads all members, where ids
 * that are spread over the cluster take a pipeline per shard. `onPipeline` reports which were sent.
 */

import { FeatureStore, type PipelineReport } from 'cluster-feature-store';

const MEMBERS = ['u0001', 'u0002', 'u0003', 'u0004', 'u0005', 'u0006'];
const OTHERS = ['u0011', 'u0012', 'u0013', 'u0014', 'u0015', 'u0016'];
const FEATURES = ['risk_segment', 'tx_count_7d'];

await using store = await FeatureStore.connect({
  nodes: ['redis://127.0.0.1:7000'],
  // The name is in the key of each member, fs:user:{vip}:u0001. An id that joins a group, or leaves
  // it, has another key from then on: load it again. All processes must be given the same groups.
  vipGroups: { vip: MEMBERS },
  warmUp: true,
});

// Members are written like any other entity.
const features = { risk_segment: 'low', tx_count_7d: 14 };
await store.bulkLoad([...MEMBERS, ...OTHERS].map((id) => [id, features] as const));

/** Called for each pipeline that was answered. */
function print({ shard, keyCount, startMs, elapsedMs }: PipelineReport): void {
  const times = `sent after ${startMs.toFixed(2)} ms, answered in ${elapsedMs.toFixed(2)} ms`;
  console.log(`  ${keyCount} keys of ${shard}, ${times}`);
}
const options = { timeoutMs: 1_000, onPipeline: print };

const group = store.vipGroup('vip');
console.log(`The group, in slot ${group.slot} of ${group.shard() ?? 'no shard'}:`);
const rows = await group.batchGetFeatures(FEATURES, options); // rows[i] is of group.ids[i]

console.log('As many users of no group:');
await store.batchGetFeatures(OTHERS, FEATURES, options);

// A member may be read alone, and in any batch.
console.log(group.ids[0], rows[0], await store.getFeatures('u0001', ['risk_segment']));
// u0001 { risk_segment: 'low', tx_count_7d: '14' } { risk_segment: 'low' }
