import { setTimeout as pause } from 'node:timers/promises';

export interface WaitOptions {
  /** What is being waited for, for the error. */
  readonly what: string;
  readonly timeoutMs: number;
  /** @default 25 */
  readonly intervalMs?: number;
  /** Says why it is not there yet, for the error. */
  readonly why?: () => string;
}

/**
 * Asks until the answer is neither undefined nor false; a question that throws counts as "not yet".
 */
export async function waitUntil<T>(
  ask: () => Promise<T | undefined | false>,
  options: WaitOptions,
): Promise<T> {
  const deadline = Date.now() + options.timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      cause = undefined;
    } catch (error) {
      if (error instanceof GiveUp) throw error.cause;
      cause = error;
    }
    if (Date.now() >= deadline) break;
    await pause(options.intervalMs ?? 25);
  }
  const reason = options.why?.() ?? (cause instanceof Error ? cause.message : '');
  const tail = reason === '' ? '' : `: ${reason}`;
  throw new Error(`${options.what}: not within ${options.timeoutMs} ms${tail}`, { cause });
}

/** Thrown by a question whose answer can no longer come; `cause` is the error to throw at once. */
export class GiveUp extends Error {
  override readonly name = 'GiveUp';

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}
