import { FeatureStoreError } from '../errors.ts';
import { SHOWN_REPLY_CHARACTERS } from './limits.ts';

/** The reply was not of the kind that the command promises. */
export function unexpected(command: string, reply: unknown): FeatureStoreError {
  const hasFeatures = command === 'HMGET' || command === 'HGETALL';
  const json = JSON.stringify(reply, (_, part: unknown) => shown(part, hasFeatures));
  const text = json ?? String(reply);
  const start =
    text.length > SHOWN_REPLY_CHARACTERS ? `${text.slice(0, SHOWN_REPLY_CHARACTERS)}…` : text;
  const problem = `${command} replied ${start}, which is not what it promises.`;
  return new FeatureStoreError('UNEXPECTED_REPLY', problem);
}

/** Codes as they are. Of text and bytes only how long it is: it may be the value of a feature. */
function shown(part: unknown, hasFeatures: boolean): unknown {
  if (typeof part === 'string' && part !== 'OK') return `text of ${part.length}`;
  if (part instanceof Uint8Array) return `${part.length} bytes`;
  return typeof part === 'number' && hasFeatures ? 'a number' : part;
}
