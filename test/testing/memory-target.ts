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
    other: async () => ({ call: (await servers()).call, close: () => undefined }),
    passSeconds: async (seconds) => (await servers()).clock.advanceSeconds(seconds),
  };
}
