import { FeatureStoreError } from '../errors.ts';

/** The reply was not of the kind that the command promises. */
export function unexpected(command: string, reply: unknown): FeatureStoreError {
  return new FeatureStoreError(
    'UNEXPECTED_REPLY',
    `${command} replied ${JSON.stringify(reply)}, which is not what it promises.`,
  );
}
