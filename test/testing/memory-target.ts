/** The store in memory, as what keeps the contract. */

import type { FieldTtlCommand } from '../../src/cluster/delivery/field-ttl-command.ts';
import { createStoreOn, type TestStore } from '../../src/testing/test-store.ts';
import type { ContractTarget } from '../integration/contract-target.ts';

export function inMemory(name: string, fieldTtlCommand: FieldTtlCommand): ContractTarget {
  let made: Promise<TestStore> | undefined;
  const servers = (): Promise<TestStore> => (made ??= createStoreOn(fieldTtlCommand, {}));
  return {
    name,
    connect: async (options) => (await servers()).connect(options),
    setString: async (key) => void (await (await servers()).call('SET', key, 'not a hash')),
    passSeconds: async (seconds) => (await servers()).clock.advanceSeconds(seconds),
  };
}
