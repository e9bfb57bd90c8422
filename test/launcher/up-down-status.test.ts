import { createServer } from 'node:net';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Cluster } from 'ioredis';
import { expect, test } from 'vitest';
import { ClusterCommand, livingOf, urlsOf } from './cluster-command.ts';

const PORT = '17100';

test('up, status, up again, down, down again', async () => {
  await using command = await ClusterCommand.make();
  expect(await command.run('status')).toMatchObject({ code: 1, stdout: /there is no cluster/u });

  const up = await command.run('up', '--port', PORT);
  expect(up).toMatchObject({ code: 0 });
  expect(urlsOf(up)).toHaveLength(6);
  const pids = await command.pids();
  expect(pids.size).toBe(6);

  const status = await command.run('status');
  expect(status.code).toBe(0);
  expect(status.stdout).toMatch(/0-5460[\s\S]*10923-16383[\s\S]*healthy\n$/u);
  expect(status.stdout.match(/ primary /gu)).toHaveLength(3);
  expect(status.stdout.match(/ up to \d+/gu)).toHaveLength(3);

  const again = await command.run('up');
  expect(again).toMatchObject({ code: 0, stdout: up.stdout });
  expect(again.stderr).toContain('up already');
  expect(await command.pids()).toEqual(pids);

  expect(await command.run('down')).toMatchObject({ code: 0, stdout: 'the cluster is down\n' });
  expect(await livingOf(pids.values())).toEqual([]);
  expect(await readdir(dirname(command.dataDir))).toEqual([]);
  expect(await command.run('down')).toMatchObject({ code: 0, stdout: 'no cluster was running\n' });
});

test('an ioredis cluster client works with the urls that up prints', async () => {
  await using command = await ClusterCommand.make();
  const urls = urlsOf(await command.run('up', '--port', PORT));
  const client = new Cluster(urls);
  try {
    await Promise.all(['a', 'b', 'c', 'd'].map((key) => client.set(key, key)));
    expect(await Promise.all(['a', 'b', 'c', 'd'].map((key) => client.get(key)))).toEqual([
      'a',
      'b',
      'c',
      'd',
    ]);
  } finally {
    client.disconnect();
  }
});

test('two at once make one cluster', async () => {
  await using command = await ClusterCommand.make();
  const [one, two] = await Promise.all([
    command.run('up', '--port', PORT),
    command.run('up', '--port', PORT),
  ]);
  expect([one.code, two.code]).toEqual([0, 0]);
  expect(urlsOf(one)).toEqual(urlsOf(two));
  expect((await command.pids()).size).toBe(6);
});

test('a port that is taken moves the whole run, and that is said', async () => {
  await using command = await ClusterCommand.make();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(17_302, '127.0.0.1', resolve));
  try {
    const up = await command.run('up', '--port', '17300');
    expect(up.code).toBe(0);
    expect(up.stderr).toMatch(/port 17300 is not free for 6: using 17\d+/u);
    expect([...(await command.pids()).keys()].every((port) => port > 17_302)).toBe(true);
    const again = await command.run('up', '--port', '17300');
    expect(again).toMatchObject({ code: 0, stderr: 'the cluster is up already\n' });
  } finally {
    server.close();
  }
});

test('other flags than it was made with are refused while it is there', async () => {
  await using command = await ClusterCommand.make();
  await command.run('up', '--port', PORT, '--replicas', '0');
  const pids = await command.pids();
  expect(pids.size).toBe(3);
  const other = await command.run('up', '--port', '17400');
  expect(other).toMatchObject({ code: 1 });
  expect(other.stderr).toContain('end it first with `down`');
  expect(await command.pids()).toEqual(pids);
});

test('a folder with other things in it is left alone', async () => {
  await using command = await ClusterCommand.make();
  await mkdir(command.dataDir);
  const precious = join(command.dataDir, 'precious.txt');
  await writeFile(precious, 'mine');
  for (const verb of ['up', 'down']) {
    const refused = await command.run(verb);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('precious.txt');
  }
  expect(await readdir(command.dataDir)).toEqual(['precious.txt']);
});

test.each([
  [['sideways'], /unknown command 'sideways'/u],
  [['up', '--loud'], /unknown option '--loud'/u],
  [['up', '--port', 'x'], /whole number from 1024/u],
  [['up', 'extra'], /too many arguments/u],
])('%j is refused with exit code 2', async (args, words) => {
  await using command = await ClusterCommand.make();
  const [verb = '', ...rest] = args;
  const refused = await command.run(verb, ...rest);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(words);
});

test('--help says what there is', async () => {
  await using command = await ClusterCommand.make();
  const help = await command.run('up', '--help');
  expect(help.code).toBe(0);
  expect(help.stdout).toContain('--compose');
});
