import { foreignBytesContract } from '../integration/foreign-bytes-contract.ts';
import { inMemory } from './memory-target.ts';

foreignBytesContract(inMemory('servers in memory', 'HSETEX'));
