/** The store in memory keeps the contract of the store on servers. */

import { callContract } from '../integration/call-contract.ts';
import { groupRecordContract } from '../integration/group-record-contract.ts';
import { storeContract } from '../integration/store-contract.ts';
import { writeContract } from '../integration/write-contract.ts';
import { inMemory } from './memory-target.ts';

storeContract(inMemory('servers in memory', 'HSETEX'));
storeContract(inMemory('servers in memory without HSETEX', 'HEXPIRE'));
writeContract(inMemory('servers in memory', 'HSETEX'));
writeContract(inMemory('servers in memory without HSETEX', 'HEXPIRE'));
groupRecordContract(inMemory('servers in memory', 'HSETEX'));
callContract(inMemory('servers in memory', 'HSETEX'));
