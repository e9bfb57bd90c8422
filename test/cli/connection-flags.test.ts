import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  addConnectionFlags,
  connectOptionsFrom,
  type ConnectionFlags,
  type ConnectOptions,
} from '../../src/cli/connection-flags.ts';
import { temporaryFolder } from './temporary-folder.ts';

beforeEach(() => {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('FSTORE_')) vi.stubEnv(name, undefined);
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
});

function newCommand(): Command {
  return addConnectionFlags(new Command('x'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
}

function options(...args: string[]): ConnectOptions {
  return connectOptionsFrom(newCommand().parse(args, { from: 'user' }).opts<ConnectionFlags>());
}

it('has defaults', () => {
  expect(options()).toStrictEqual({
    nodes: ['redis://127.0.0.1:7000'],
    redisOptions: {},
    keyPrefix: 'fs:user:',
    timeoutMs: 30_000,
  });
});

it('takes everything from the environment, and arguments before it', () => {
  vi.stubEnv('FSTORE_NODES', 'redis://a:1, redis://b:2');
  vi.stubEnv('FSTORE_USERNAME', 'alice');
  vi.stubEnv('FSTORE_PASSWORD', 'secret');
  vi.stubEnv('FSTORE_TLS', '1');
  vi.stubEnv('FSTORE_KEY_PREFIX', 'p:');
  expect(options('--key-prefix', 'q:', '--timeout-ms', '50')).toStrictEqual({
    nodes: ['redis://a:1', 'redis://b:2'],
    redisOptions: { username: 'alice', password: 'secret', tls: {} },
    keyPrefix: 'q:',
    timeoutMs: 50,
  });
});

it.each(['0', 'false', 'off', ''])('takes FSTORE_TLS=%s for no TLS', (text) => {
  vi.stubEnv('FSTORE_TLS', text);
  expect(options().redisOptions).toStrictEqual({});
});

it('reads the files of --tls-…, which imply --tls', async () => {
  const path = join(await temporaryFolder(), 'file.pem');
  await writeFile(path, 'PEM');
  const pem = Buffer.from('PEM');
  expect(options('--tls-ca', path).redisOptions).toStrictEqual({ tls: { ca: pem } });
  expect(options('--tls-cert', path, '--tls-key', path).redisOptions).toStrictEqual({
    tls: { cert: pem, key: pem },
  });
  expect(() => options('--tls-cert', path)).toThrow('go together');
  expect(() => options('--tls-ca', `${path}.no`)).toThrow(`cannot read ${path}.no of --tls-ca`);
});

it('collects VIP groups', () => {
  expect(
    options('--vip', 'vip=u1,u2', '--vip', 'gold=u3', '--vip', 'vip=u4').vipGroups,
  ).toStrictEqual({ vip: ['u1', 'u2', 'u4'], gold: ['u3'] });
});

it.each([
  [['--timeout-ms', '0'], 'It must be a whole number from 1 to'],
  [['--timeout-ms', '1e3'], 'It must be a whole number from 1 to'],
  [['--vip', 'vip'], 'Write a group and its ids'],
  [['--vip', 'vip=u1,,u2'], 'an empty id'],
  [['--nodes', ''], 'an empty address'],
  [['--nodes', 'redis://a:1,'], 'an empty address'],
])('refuses %s', (args, problem) => {
  expect(() => options(...args)).toThrow(problem);
});

it('shows no password, whether it comes by a flag, the environment or an address', () => {
  vi.stubEnv('FSTORE_PASSWORD', 'hunter2');
  vi.stubEnv('FSTORE_NODES', 'redis://alice:hunter2@a:1');
  expect(newCommand().helpInformation()).not.toContain('hunter2');
  expect(() => options('--nodes', 'alice:hunter2@a:1')).toThrow(/^(?!.*hunter2)/);
});
