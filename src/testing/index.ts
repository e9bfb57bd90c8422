/** Public names of cluster-feature-store/testing. */

// The store in memory
export { createTestStore } from './test-store.ts';
export type { TestStore, TestStoreOptions } from './test-store.ts';
export type { TestClock } from './test-clock.ts';
export type { DelayOptions, FaultOptions, Faults } from './faults.ts';
export type { FaultCode } from './fault-errors.ts';
