import { inject } from 'vitest';
import { onServers } from './contract-target.ts';
import { callContract } from './call-contract.ts';
import { groupRecordContract } from './group-record-contract.ts';
import { writeContract } from './write-contract.ts';

writeContract(onServers('a cluster', () => ({ nodes: inject('clusterNodes') })));
writeContract(onServers('a standalone server', () => ({ nodes: [inject('standaloneUrl')] })));
groupRecordContract(onServers('a cluster', () => ({ nodes: inject('clusterNodes') })));
groupRecordContract(onServers('a standalone server', () => ({ nodes: [inject('standaloneUrl')] })));
callContract(onServers('a cluster', () => ({ nodes: inject('clusterNodes') })));
callContract(onServers('a standalone server', () => ({ nodes: [inject('standaloneUrl')] })));
