import { inject } from 'vitest';
import { storeContract } from './store-contract.ts';

storeContract({
  name: 'a cluster',
  connectOptions: () => ({ nodes: inject('clusterNodes').slice(0, 1) }),
});
storeContract({
  name: 'a standalone server',
  connectOptions: () => ({ nodes: [inject('standaloneUrl')] }),
});
