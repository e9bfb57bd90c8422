import { inject } from 'vitest';
import { FeatureStore } from '../../src/index.ts';
import { writeContract } from './write-contract.ts';

writeContract({
  name: 'a cluster',
  connect: (options) => FeatureStore.connect({ ...options, nodes: inject('clusterNodes') }),
});
writeContract({
  name: 'a standalone server',
  connect: (options) => FeatureStore.connect({ ...options, nodes: [inject('standaloneUrl')] }),
});
