/**
 * Has a connection of ioredis open also where a test runner has put fakes in place of the global
 * clock.
 *
 * ioredis takes its ticks from `process.nextTick` and its pauses from `setTimeout` when it needs
 * them. While these are fakes, nothing would open before a test moves its clock on. So for as long
 * as ioredis asks for a tick, the real one is there, and an attempt to reconnect begins after its
 * pause by our own clock. With real timers nothing is done here.
 */

import { nextTick, setTimeout } from '../../runtime/clock.ts';
import type { Redis } from './ioredis.ts';

/** What asks for ticks; ioredis does not declare it. */
interface Parts {
  setStatus(status: string, detail?: unknown): void;
  readonly connector: { connect(onError: unknown): Promise<unknown> };
}

export function inRealTime(redis: Redis): Redis {
  const parts = redis as unknown as Parts;
  const { setStatus, connector } = parts;
  const { connect } = connector;
  parts.setStatus = (status, detail): void =>
    withRealTicks(() => setStatus.call(redis, status, detail));
  connector.connect = (onError): Promise<unknown> =>
    withRealTicks(() => connect.call(connector, onError));
  redis.on('reconnecting', (pauseMs: number) => {
    if (globalThis.setTimeout === setTimeout) return;
    setTimeout(() => {
      if (redis.status === 'reconnecting') redis.connect().catch(() => undefined);
    }, pauseMs);
  });
  return redis;
}

/** `run` gives nothing else a turn, so nobody but ioredis sees the real ticks. */
function withRealTicks<T>(run: () => T): T {
  const found = process.nextTick;
  if (found === nextTick) return run();
  process.nextTick = nextTick;
  try {
    return run();
  } finally {
    process.nextTick = found;
  }
}
