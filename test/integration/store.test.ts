import { inject } from 'vitest';
import { onServers } from './contract-target.ts';
import { storeContract } from './store-contract.ts';

storeContract(onServers('a cluster', () => ({ nodes: inject('clusterNodes').slice(0, 1) })));
storeContract(onServers('a standalone server', () => ({ nodes: [inject('standaloneUrl')] })));
