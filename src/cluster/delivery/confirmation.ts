/** What a reply to WAIT means for rows that their primary has written. */

import { FeatureStoreError } from '../../errors.ts';
import type { Address } from '../address.ts';
import { verdictOf } from '../routing/redirect.ts';
import { serverWords } from '../routing/server-words.ts';
import { ServerError, type Reply } from '../resp/reply-reader.ts';

/** The error of a row that too few replicas have, or nobody knows. */
export function notConfirmed(
  reply: Reply,
  minReplicas: number,
  primary: Address,
): FeatureStoreError {
  if (reply instanceof ServerError) {
    const verdict = verdictOf(reply.message, primary);
    // A user that may not ask for replicas is not answered another time either.
    if (verdict.kind === 'fail' && !verdict.error.retryable && !isStepDown(reply)) {
      return verdict.error;
    }
  }
  const seen =
    reply instanceof ServerError
      ? `it answers '${serverWords(reply.message)}'`
      : `${String(reply)} did`;
  return new FeatureStoreError(
    'NOT_REPLICATED',
    `${primary} wrote the row, but minReplicas ${minReplicas} did not confirm it in time: ${seen}. ` +
      'It is lost if that primary is. Write it again, or look after the replicas.',
  );
}

/** Whether the primary has become a replica while it waited, or before. */
export function isStepDown(reply: Reply): boolean {
  if (!(reply instanceof ServerError)) return false;
  return reply.message.startsWith('UNBLOCKED') || /replica instances/i.test(reply.message);
}
