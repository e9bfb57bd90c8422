import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { ClusterCommand, livingOf } from './cluster-command.ts';

const DEADLINE = { timeoutMs: 20_000 };

test.each(['SIGINT', 'SIGKILL'] as const)(
  'an up that ends with %s midway is cleared by the next one',
  async (signal) => {
    await using command = await ClusterCommand.make();
    const first = command.spawn('up', '--port', '17100');
    const closed = once(first, 'close');
    const some = async (): Promise<boolean> => (await command.pids()).size > 0;
    await waitUntil(some, { what: 'the first node runs', ...DEADLINE, intervalMs: 5 });
    first.kill(signal);
    await closed;
    const left = await command.pids();

    const up = await command.run('up', '--port', '17100');
    expect(up.code).toBe(0);
    expect(await livingOf(left.values())).toEqual([]);
    expect(await command.run('status')).toMatchObject({ code: 0 });
  },
);

test('down after an interrupted up leaves nothing', async () => {
  await using command = await ClusterCommand.make();
  const first = command.spawn('up', '--port', '17100');
  const closed = once(first, 'close');
  const most = async (): Promise<boolean> => (await command.pids()).size === 6;
  await waitUntil(most, { what: 'the nodes run', ...DEADLINE, intervalMs: 5 });
  first.kill('SIGINT');
  await closed;
  const left = await command.pids();
  expect((await command.run('down')).code).toBe(0);
  expect(await livingOf(left.values())).toEqual([]);
});

const HOLDER = `
import { startLocalCluster } from './rig/local-cluster/local-cluster.ts';
const cluster = await startLocalCluster({ portFrom: 17100 });
console.log(JSON.stringify([cluster.dataDir, ...cluster.nodes.map(({ pid }) => pid)]));
setInterval(() => {}, 1000);
`;

test.each(['SIGINT', 'SIGKILL'] as const)(
  'the servers of a process that ends with %s end with it',
  async (signal) => {
    const args = ['--import', 'tsx', '--input-type=module', '--eval', HOLDER];
    const holder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(holder.stdout, 'data')) as [Buffer];
    const [dataDir, ...pids] = JSON.parse(line.toString()) as [string, ...number[]];
    expect(await livingOf(pids)).toHaveLength(6);
    holder.kill(signal);
    const none = async (): Promise<boolean> => (await livingOf(pids)).length === 0;
    await waitUntil(none, { what: 'its servers end', ...DEADLINE });
    const removed = async (): Promise<boolean> =>
      access(dirname(dataDir)).then(
        () => false,
        () => true,
      );
    await waitUntil(removed, { what: 'its files are removed', ...DEADLINE });
  },
);

test('a pid file that names another process does not get that process killed', async () => {
  await using command = await ClusterCommand.make();
  await command.run('up', '--port', '17100', '--replicas', '0');
  const [[port, pid] = [0, 0]] = await command.pids();
  process.kill(pid, 'SIGKILL');
  await waitUntil(async () => (await livingOf([pid])).length === 0, {
    what: 'it ends',
    ...DEADLINE,
  });
  const bystander = spawn('sleep', ['600']);
  try {
    const file = `${command.dataDir}/${port}/redis.pid`;
    await writeFile(file, String(bystander.pid));
    expect((await command.run('down')).code).toBe(0);
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
  } finally {
    bystander.kill();
  }
});
