/** autocannon against POST /score, with random ids. */

import autocannon, { type Request } from 'autocannon';
import type { Random } from '../../src/synthetic/seeded-random.ts';
import { idOf } from '../data-set.ts';
import { latenciesOf, type Latencies } from '../statistics.ts';

export const CONNECTIONS = 20;
export const IDS_PER_REQUEST = 20;
/** Of each connection; then they begin again. Made before, so that they cost nothing meanwhile. */
const REQUESTS = 100;

/** What was driven through one service in one turn. */
export interface Drive {
  readonly requests: number;
  readonly elapsedMs: number;
  readonly latencyMs: Latencies;
}

export interface DriveOptions {
  readonly url: string;
  readonly random: Random;
  readonly userCount: number;
  readonly seconds: number;
}

/** @throws Error where one answer is another than 200, or a connection fails */
export async function drive({ url, random, userCount, seconds }: DriveOptions): Promise<Drive> {
  const latenciesMs: number[] = [];
  const options = {
    url,
    connections: CONNECTIONS,
    duration: seconds,
    setupClient: (client: autocannon.Client) =>
      client.setRequests(Array.from({ length: REQUESTS }, () => requestFor(random, userCount))),
  };
  const startedAtMs = performance.now();
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(options, (error, done) => (error ? reject(error) : resolve(done)));
    // Its own histogram is of whole milliseconds.
    instance.on('response', (_client, _status, _bytes, ms) => latenciesMs.push(ms));
  });
  const elapsedMs = performance.now() - startedAtMs;
  const { non2xx, errors, timeouts } = result;
  if (non2xx + errors + timeouts > 0) {
    throw new Error(`${url}: ${non2xx} other answers, ${errors} errors, ${timeouts} timeouts`);
  }
  return { requests: latenciesMs.length, elapsedMs, latencyMs: latenciesOf(latenciesMs) };
}

export function idsFor(random: Random, userCount: number): string[] {
  return Array.from({ length: IDS_PER_REQUEST }, () => idOf(random.integer(0, userCount - 1)));
}

function requestFor(random: Random, userCount: number): Request {
  return {
    method: 'POST',
    path: '/score',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ids: idsFor(random, userCount) }),
  };
}
