import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtServers, cacheFolder } from '../../../rig/redis-server/cache-folder.ts';
import { chooseMirror, sourceTargets } from '../../../rig/redis-server/debian-mirror.ts';
import { wrapperScript } from '../../../rig/redis-server/docker-server.ts';
import { type Candidate, findRedisServer, firstThatWorks } from '../../../rig/redis-server/find.ts';
import { hasTls } from '../../../rig/redis-server/find-tls.ts';
import type { ServerAbilities } from '../../../rig/redis-server/probe.ts';

const REDIS_8: ServerAbilities = {
  version: '8.0.6',
  flavour: 'redis',
  hasHexpire: true,
  hasHsetex: true,
};
const REDIS_7: ServerAbilities = { ...REDIS_8, version: '7.0.15', hasHexpire: false };

const here = (name: string): Candidate => ({ name, source: 'path', locate: async () => name });
const gone = (name: string, reason: string): Candidate => ({
  name,
  source: 'built',
  locate: async () => {
    throw new Error(reason);
  },
});

describe('the first that works', () => {
  test('is the first that is there and new enough', async () => {
    const list = [gone('/a', 'not there'), here('/b'), here('/c'), here('/d')];
    const probe = async (path: string): Promise<ServerAbilities> =>
      path === '/b' ? REDIS_7 : REDIS_8;
    expect(await firstThatWorks(list, { PATH: '' }, probe)).toEqual({
      path: '/c',
      version: '8.0.6',
      flavour: 'redis',
      hasHsetex: true,
      source: 'path',
    });
  });

  test('is nothing: the error names each with its reason, and how to get one', async () => {
    const list = [
      gone('redis-server on PATH', 'not there'),
      here('/old'),
      gone('Docker', 'no engine'),
    ];
    const error = await firstThatWorks(list, { PATH: '' }, async () => REDIS_7).catch((e) => e);
    expect(error.message).toContain('redis-server on PATH: not there');
    expect(error.message).toContain('/old: /old is Redis 7.0.15, without field TTLs');
    expect(error.message).toContain('Docker: no engine');
    for (const way of ['Debian', 'Ubuntu', 'brew install redis', '--compose', 'REDIS_SERVER']) {
      expect(error.message).toContain(way);
    }
  });
});

describe('REDIS_SERVER', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'find-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('that names nothing is an error, and no other is looked for', async () => {
    const env = { REDIS_SERVER: join(folder, 'none'), PATH: process.env['PATH'] };
    await expect(findRedisServer({ env })).rejects.toThrow(
      /REDIS_SERVER names .*none, which cannot be used: there is no such program/u,
    );
  });

  test('that names a program that is no server is an error with its last words', async () => {
    const path = join(folder, 'redis-server');
    await writeFile(path, '#!/bin/sh\necho "I am not a server" >&2\nexit 3\n');
    await chmod(path, 0o755);
    await expect(findRedisServer({ env: { REDIS_SERVER: path } })).rejects.toThrow(
      /ended with 3: I am not a server/u,
    );
  });
});

test.each([
  ['that misses its certificate has it', 'No tls-cert-file configured!', true],
  ['that finds no support has not', 'Failed finding TLS support.', false],
  ['that does not know the setting has not', "Bad directive: 'tls-port 65535'", false],
])('TLS: a server %s', async (_, words, expected) => {
  const folder = await mkdtemp(join(tmpdir(), 'tls-'));
  try {
    const path = join(folder, 'redis-server');
    await writeFile(path, `#!/bin/sh\necho "${words}"\nexit 1\n`);
    await chmod(path, 0o755);
    expect(await hasTls(path)).toBe(expected);
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe('the mirror', () => {
  test("is the whole Debian among the machine's own, not security or updates", () => {
    const targets = `https://mirror.example/debian-security bookworm-security main
https://mirror.example/debian bookworm-updates main
https://mirror.example/debian/ bookworm contrib
https://mirror.example/debian/ bookworm main
`;
    expect(chooseMirror(targets)).toBe('https://mirror.example/debian/');
  });

  test('is found in source files of either format, while apt has no lists', () => {
    const oneLine = `# deb https://old.example/debian bookworm main
deb [signed-by=/a/key.gpg arch=amd64] https://mirror.example/debian bookworm main contrib`;
    expect(chooseMirror(sourceTargets([oneLine]))).toBe('https://mirror.example/debian');
    const stanzas = `Types: deb
Enabled: no
URIs: https://off.example/debian
Suites: bookworm
Components: main

Types: deb
# a comment
URIs: https://mirror.example/debian
Suites: bookworm-updates bookworm
Components: main
`;
    expect(chooseMirror(sourceTargets([stanzas]))).toBe('https://mirror.example/debian');
  });

  test('is none when the sources are of something else', () => {
    expect(chooseMirror('https://mirror.example/ubuntu noble main\n')).toBeUndefined();
    expect(chooseMirror('')).toBeUndefined();
  });
});

test('the cache is where CLUSTER_FEATURE_STORE_CACHE says; newer builds come first, those with TLS too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cache-'));
  try {
    expect(cacheFolder({ CLUSTER_FEATURE_STORE_CACHE: folder })).toBe(folder);
    expect(cacheFolder({})).toMatch(/cluster-feature-store$/u);
    const valkeys = ['built-valkey-9.1.2', 'built-valkey-9.1.2-tls'];
    const others = ['built-8.0.6', 'built-8.0.6-tls', 'built-8.0.10', 'building-x'];
    for (const name of [...valkeys, ...others]) {
      await writeFile(join(folder, name), '');
    }
    expect(await builtServers(folder, 'redis')).toEqual([
      join(folder, 'built-8.0.10', 'redis-server'),
      join(folder, 'built-8.0.6-tls', 'redis-server'),
      join(folder, 'built-8.0.6', 'redis-server'),
    ]);
    expect(await builtServers(folder, 'valkey')).toEqual([
      join(folder, 'built-valkey-9.1.2-tls', 'valkey-server'),
      join(folder, 'built-valkey-9.1.2', 'valkey-server'),
    ]);
    expect(await builtServers(join(folder, 'none'), 'redis')).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the Docker wrapper passes arguments on and becomes the container', () => {
  const script = wrapperScript('redis-cli');
  expect(script).toMatch(
    /^#!\/bin\/sh\nexec docker run --rm .*--entrypoint redis-cli redis:8 "\$@"\n$/u,
  );
  expect(script).toContain('--network host --pid host');
});
