import { Cluster } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClusterCommand, livingOf, urlsOf } from './cluster-command.ts';

const FIRST = 17_100;
let command: ClusterCommand;
let urls: string[];
let pids: Map<number, number>;

beforeEach(async () => {
  command = await ClusterCommand.make();
  urls = urlsOf(await command.run('up', '--port', String(FIRST)));
  pids = await command.pids();
});
afterEach(() => command[Symbol.asyncDispose]());

function kill(...indexes: number[]): void {
  const ports = [...pids.keys()].sort((a, b) => a - b);
  for (const index of indexes) process.kill(pids.get(ports[index]!)!, 'SIGKILL');
}

async function expectWhole(): Promise<void> {
  const status = await command.run('status');
  expect(status.stdout).toMatch(/\nhealthy\n$/u);
  expect(status.code).toBe(0);
}

test('a primary that was killed comes back as a replica, and no key is lost', async () => {
  const keys = Array.from({ length: 50 }, (_, index) => `key:${index}`);
  const writer = new Cluster(urls);
  await Promise.all(keys.map((key) => writer.set(key, key)));
  for (const primary of writer.nodes('master')) await primary.wait(1, 5000);
  writer.disconnect();
  kill(0);

  const status = await command.run('status');
  expect(status.code).toBe(1);
  expect(status.stdout).toMatch(/ down /u);

  const up = await command.run('up');
  expect(up).toMatchObject({ code: 0, stdout: /--nodes/u });
  expect(up.stderr).toMatch(/no process runs for port \d+: starting it again[\s\S]*healthy again/u);
  await expectWhole();
  const reader = new Cluster(urls);
  expect(await Promise.all(keys.map((key) => reader.get(key)))).toEqual(keys);
  reader.disconnect();
});

test('a replica that was killed is started again; the others are not touched', async () => {
  kill(4);
  expect(await command.run('up')).toMatchObject({ code: 0 });
  await expectWhole();
  const now = await command.pids();
  const same = [...pids].filter(([port, pid]) => now.get(port) === pid);
  expect(same).toHaveLength(5);
});

test('a primary and its replica that were killed are started again', async () => {
  kill(1, 4);
  expect(await command.run('up')).toMatchObject({ code: 0 });
  await expectWhole();
});

test('a process that hangs goes on, or is replaced', async () => {
  process.kill([...pids.values()][0]!, 'SIGSTOP');
  expect(await command.run('up')).toMatchObject({ code: 0 });
  await expectWhole();
});

test('when all were killed another cluster is made on the same ports', async () => {
  kill(0, 1, 2, 3, 4, 5);
  const up = await command.run('up');
  expect(up.code).toBe(0);
  expect(up.stderr).toContain('has ended: starting another');
  await expectWhole();
});

test('a cluster that cannot be repaired is replaced from scratch, which is said', async () => {
  const client = new Cluster(urls);
  await client.ping();
  for (const primary of client.nodes('master')) await primary.call('CLUSTER', 'FLUSHSLOTS');
  client.disconnect();
  const up = await command.run('up');
  expect(up.code).toBe(0);
  expect(up.stderr).toContain('replacing it from scratch');
  await expectWhole();
  expect(await livingOf(pids.values())).toEqual([]);
});

test('down ends what is left of one that is half dead', async () => {
  kill(0, 5);
  process.kill([...pids.values()][2]!, 'SIGSTOP');
  expect(await command.run('down')).toMatchObject({ code: 0 });
  expect(await livingOf(pids.values())).toEqual([]);
});
