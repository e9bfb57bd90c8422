import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { LATE, orLate, Timer } from '../../src/runtime/timer.ts';
import { nextTurn } from '../../src/runtime/slices.ts';

/** Two ends of a connection. */
async function pair(): Promise<readonly [Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = createConnection((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

function hold(ms: number): void {
  const endAtMs = performance.now() + ms;
  while (performance.now() < endAtMs);
}

test('what arrived while the loop was held is not late', async () => {
  const [near, far] = await pair();
  for (let round = 0; round < 10; round++) {
    const heard = orLate(20, once(near, 'data'));
    far.write('x');
    await nextTurn();
    hold(50);
    expect(await heard).not.toBe(LATE);
  }
});

test('what was sent only when the loop was free again has a moment to be answered', async () => {
  const [near, far] = await pair();
  far.on('data', (chunk) => far.write(chunk));
  const heard = orLate(20, once(near, 'data'));
  hold(50);
  near.write('x');
  expect(await heard).not.toBe(LATE);
});

test('what does not come is late, and no later than a moment after a loop that was held', async () => {
  const startedAtMs = performance.now();
  const waited = orLate(20, new Promise<never>(() => undefined));
  hold(50);
  expect(await waited).toBe(LATE);
  expect(performance.now() - startedAtMs).toBeLessThan(50 + 1_000);
});

test('a promise that rejects is not late', async () => {
  await expect(orLate(1_000, Promise.reject(new Error('mine')))).rejects.toThrow('mine');
});

test('a timer that is cleared never ends, at whatever stage', async () => {
  let ends = 0;
  const timers = [1, 1, 1].map((ms) => new Timer(ms, () => ends++));
  timers[0]?.clear();
  hold(20);
  await orLate(5, new Promise<never>(() => undefined)); // the second waits for its moment by now
  timers[1]?.clear();
  await expect.poll(() => ends).toBe(1);
});
