import { FeatureStoreError } from '../errors.ts';

/** A reply may be of any length. */
const SHOWN_CHARACTERS = 200;

/** Bytes are many numbers in JSON. */
function countBytes(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? `${value.length} bytes` : value;
}

/** The reply was not of the kind that the command promises. */
export function unexpected(command: string, reply: unknown): FeatureStoreError {
  const json = JSON.stringify(reply, countBytes) ?? String(reply);
  const shown = json.length > SHOWN_CHARACTERS ? `${json.slice(0, SHOWN_CHARACTERS)}…` : json;
  const problem = `${command} replied ${shown}, which is not what it promises.`;
  return new FeatureStoreError('UNEXPECTED_REPLY', problem);
}
