import { inject } from 'vitest';
import { onServers } from './contract-target.ts';
import { foreignBytesContract } from './foreign-bytes-contract.ts';

foreignBytesContract(onServers('a cluster', () => ({ nodes: inject('clusterNodes') })));
