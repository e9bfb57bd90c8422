import { FeatureStoreError } from '../../src/errors.ts';

/** What the call refuses with; a call that does not refuse fails the test. */
export function refusalOf(call: () => unknown): FeatureStoreError {
  try {
    call();
  } catch (error) {
    if (error instanceof FeatureStoreError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
