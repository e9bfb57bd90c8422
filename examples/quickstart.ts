import { FeatureStore } from 'cluster-feature-store';

const store = await FeatureStore.connect({
  nodes: ['redis://127.0.0.1:7000'], // some nodes of a cluster, or one standalone server
  vipGroups: { vip: ['u0001', 'u0007'] },
});

// The nightly job: HSET and EXPIRE per entity, one pipeline per shard. Rows may be any iterable.
await store.bulkLoad({
  u0001: { country_iso: 'US', risk_segment: 'low', tx_count_7d: 14 },
  u0002: { country_iso: 'GB', risk_segment: 'medium', tx_count_7d: 47 },
});

// The stream: the features and their own TTL, in one atomic step.
await store.updateStreaming('u0001', { tx_count_5m: 3, session_country: 'DE' });

// The model: a subset of features, of one entity or of a hundred thousand.
console.log(await store.getFeatures('u0001', ['risk_segment', 'tx_count_5m']));
// { risk_segment: 'low', tx_count_5m: '3' }

console.log(await store.batchGetFeatures(['u0002', 'nobody', 'u0001'], ['risk_segment']));
// [ { risk_segment: 'medium' }, {}, { risk_segment: 'low' } ]

// A VIP group lives in one slot: exactly one pipeline to one shard.
console.log(await store.vipGroup('vip').batchGetFeatures(['tx_count_7d']));
// [ { tx_count_7d: '14' }, {} ]

await store.close(); // where the language has it, `await using store = …` does so
