import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { describe, expect, test } from 'vitest';
import { findPortRun, isPortFree } from '../../../rig/local-cluster/port-run.ts';

const freeExcept =
  (...taken: number[]) =>
  async (port: number): Promise<boolean> =>
    !taken.includes(port);

describe('the run of ports a cluster gets', () => {
  test('is the one asked for when all of it is free', async () => {
    expect(await findPortRun(7000, 6, freeExcept(6999, 7006))).toBe(7000);
  });

  test('begins after the last port that is taken', async () => {
    expect(await findPortRun(7000, 6, freeExcept(7002, 7004))).toBe(7005);
  });

  test('skips ports whose bus port is taken', async () => {
    expect(await findPortRun(7000, 6, freeExcept(17_003))).toBe(7004);
  });

  test('skips several runs that are taken in part', async () => {
    expect(await findPortRun(7000, 3, freeExcept(7000, 7003, 17_005))).toBe(7006);
  });

  test('is refused, with the range, when there is none', async () => {
    await expect(findPortRun(55_000, 6, async () => false)).rejects.toThrow(
      /no 6 free ports in a row from 55000 to 55535/u,
    );
  });
});

test('a port that somebody listens on is not free, on any interface, and is free after', async () => {
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    const server = await listen(host);
    const { port } = server.address() as AddressInfo;
    expect(await isPortFree(port)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
    expect(await isPortFree(port)).toBe(true);
  }
});

function listen(host: string): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, host, () => resolve(server));
  });
}
