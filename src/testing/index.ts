/** Public names of cluster-feature-store/testing. */

// For tests, from cluster-feature-store/testing
export { createTestStore } from './test-store.ts';
export type { StoreOptions, TestStore, TestStoreOptions } from './test-store.ts';
export type { TestClock } from './test-clock.ts';
export type { DelayOptions, FaultOptions, Faults } from './faults.ts';
export type { FaultCode } from './fault-errors.ts';
