import { inject } from 'vitest';
import { onServers } from './contract-target.ts';
import { writeContract } from './write-contract.ts';

writeContract(onServers('a cluster', () => ({ nodes: inject('clusterNodes') })));
writeContract(onServers('a standalone server', () => ({ nodes: [inject('standaloneUrl')] })));
