import { describe, expect, onTestFinished, test } from 'vitest';
import { Cluster, Redis } from '../../src/cluster/lanes/ioredis.ts';
import {
  resolveOptions,
  type FeatureStoreOptions,
  type ResolvedOptions,
} from '../../src/store/options.ts';
import { refusalOf } from './refusal.ts';

const NODES = ['10.0.0.1:7000'];

/** Options that the types would not allow. */
const resolve = (options: unknown): ResolvedOptions =>
  resolveOptions(options as FeatureStoreOptions);

function seedsOf(options: unknown): unknown {
  const { target } = resolve(options);
  return 'seeds' in target ? target.seeds : undefined;
}

/** Not connected to anything. */
function idleRedis(): Redis {
  const redis = new Redis({ lazyConnect: true });
  onTestFinished(() => redis.disconnect());
  return redis;
}

test('nodes are enough; the rest has defaults', () => {
  const { layout, ...rest } = resolveOptions({ nodes: NODES });
  expect(rest).toStrictEqual({
    target: { seeds: [{ host: '10.0.0.1', port: 7000, redisOptions: {} }] },
    natMap: undefined,
    credentials: undefined,
    batchTtlSeconds: 86_400,
    streamingTtlSeconds: 300,
    timeoutMs: 30_000,
    connectTimeoutMs: 10_000,
    warmUp: false,
    onShardDown: 'wait',
    takesRecordedGroups: false,
    vipGroupsRecord: 'check',
  });
  expect(layout.prefix).toBe('fs:user:');
  expect(layout.groups.names).toStrictEqual([]);
});

test('what is given is taken', () => {
  const natMap = { 'a:1': { host: 'b', port: 2 } };
  const given = {
    natMap,
    batchTtlSeconds: 1,
    streamingTtlSeconds: 2,
    timeoutMs: 3,
    connectTimeoutMs: 4,
    warmUp: true,
    onShardDown: 'fail-fast',
  } as const;
  const vipGroups = { vip: ['u1'] };
  const resolved = resolveOptions({ nodes: NODES, keyPrefix: 'x:', vipGroups, ...given });
  expect(resolved).toMatchObject(given);
  expect(resolved.layout.keyFor('u1')).toBe('x:{vip}:u1');
  expect(resolved.layout.keyFor('u2')).toBe('x:u2');
});

test('an option that is undefined was not given', () => {
  const none = {
    keyPrefix: undefined,
    timeoutMs: undefined,
    redis: undefined,
    vipGroups: undefined,
  };
  expect(resolve({ nodes: NODES, ...none })).toMatchObject({
    timeoutMs: 30_000,
    layout: { prefix: 'fs:user:' },
  });
});

test('an ioredis object of the caller is the target itself', () => {
  const redis = idleRedis();
  expect(resolveOptions({ redis }).target).toStrictEqual({ redis });
  const cluster = new Cluster(['10.0.0.1:7000'], { lazyConnect: true });
  onTestFinished(() => cluster.disconnect());
  expect(resolveOptions({ redis: cluster }).target).toStrictEqual({ redis: cluster });
});

describe('nodes', () => {
  test.each([
    ['h:7000', { host: 'h', port: 7000 }],
    ['::1:7000', { host: '::1', port: 7000 }],
    ['redis://h:7000', { host: 'h', port: 7000 }],
    ['redis://h', { host: 'h', port: 6379 }],
    ['redis://h:7000/', { host: 'h', port: 7000 }],
    ['redis://[2001:db8::5]:7000', { host: '2001:db8::5', port: 7000 }],
    ['redis://h:7000/0', { host: 'h', port: 7000 }],
    ['redis://h:7000/3', { host: 'h', port: 7000, redisOptions: { db: 3 } }],
    ['redis://ann@h:1', { host: 'h', port: 1, redisOptions: { username: 'ann' } }],
    ['redis://:pw@h:1', { host: 'h', port: 1, redisOptions: { password: 'pw' } }],
    [
      'redis://us%40er:p%3Aw%2F%23@h:1',
      { host: 'h', port: 1, redisOptions: { username: 'us@er', password: 'p:w/#' } },
    ],
    ['rediss://h:1', { host: 'h', port: 1, redisOptions: { tls: {} } }],
    ['[::1]:7000', { host: '::1', port: 7000 }],
  ])('%s is understood', (node, seed) => {
    expect(seedsOf({ nodes: [node] })).toStrictEqual([{ redisOptions: {}, ...seed }]);
  });

  test('a URL adds to redisOptions and leaves the given object alone', () => {
    const tls = { servername: 'redis.example.com' };
    const redisOptions = { username: 'ann', password: 'old', tls, connectionName: 'x' };
    const given = structuredClone(redisOptions);
    const seeds = seedsOf({ nodes: ['rediss://:new@h:1', 'h:2'], redisOptions });
    expect(seeds).toStrictEqual([
      { host: 'h', port: 1, redisOptions: { ...given, password: 'new' } },
      { host: 'h', port: 2, redisOptions: given },
    ]);
    expect(redisOptions).toStrictEqual(given);
  });

  test.each([
    ['h', "nodes[1] 'h' is not an address"],
    ['h:', "nodes[1] 'h:' is not an address"],
    [':7000', "nodes[1] ':7000' is not an address"],
    ['h:70000', "nodes[1] 'h:70000' is not an address"],
    ['', "nodes[1] '' is not an address"],
    ['redis://', 'nodes[1] is not a valid URL'],
    ['redis://h:99999', 'nodes[1] is not a valid URL'],
    ['redis:///1', 'nodes[1] is not a valid URL'],
    ['http://h:1', "nodes[1] has the protocol 'http:'"],
    ['redis://h:1/x', 'nodes[1] has a path that is no database number'],
    ['redis://h:1/-1', 'nodes[1] has a path that is no database number'],
    ['redis://h:1?db=3', "nodes[1] has a '?' or '#' part"],
    ['redis://ann:12#34@h:1', "nodes[1] has a '?' or '#' part"],
    ['redis://ann:pw@h:1/#x', "nodes[1] has a '?' or '#' part"],
    ['redis://h:0', 'nodes[1] has port 0'],
    ['ann:pw@h', 'nodes[1] is not an address'],
    ['redis://%zz@h:1', "nodes[1] has a user or password with a '%'"],
    [7000, 'nodes[1] must be a string, but is 7000'],
    [{ host: 'h', port: 1 }, 'nodes[1] must be a string'],
  ])('%j is refused by its place', (node, message) => {
    const error = refusalOf(() => resolve({ nodes: ['h:1', node] }));
    expect(error.code).toBe('INVALID_OPTION');
    expect(error.message).toContain(message);
  });

  test.each([
    'ann:hunter2@h',
    'ann:hunter2@h:7000',
    ':hunter2@h:7000',
    'redis://ann:hunter2@h:99999',
    'redis://ann:hunter2@h:1#x',
    'redis://ann:x#hunter2@h:1',
    'redis://ann:hunter2@',
    'redis://ann:hunter2@h:1/hunter2',
    'redis://ann:hunter2%@h:1',
    'redis://hunter2%:x@h:1',
    'redis://ann:hunter2/3@h:1',
    'redis://:hunter2@ h',
    'http://ann:hunter2@h:1',
    'rediss://ann:hunter2@[::1:7000',
  ])('no message shows the credentials of %s', (node) => {
    expect(refusalOf(() => resolve({ nodes: [node] })).message).not.toContain('hunter2');
  });
});

test.each([
  [null, 'options must be an object of options, but is null'],
  [NODES, 'options must be an object of options, but is an array'],
  [{}, 'Give nodes'],
  [{ nodes: NODES, node: 1 }, 'options.node is not an option; known are nodes, redis, '],
  [{ nodes: [] }, 'nodes must be an array with at least one address'],
  [{ nodes: 'h:1' }, 'nodes must be an array with at least one address, but is a string'],
  [
    { nodes: NODES, redisOptions: 'x' },
    'redisOptions must be an object of ioredis options, but is a string',
  ],
  [{ nodes: NODES, redisOptions: null }, 'redisOptions must be an object of ioredis options'],
  [{ nodes: NODES, redisOptions: { host: 'h' } }, 'redisOptions.host is not for here'],
  [{ nodes: NODES, redisOptions: { port: 1 } }, 'redisOptions.port is not for here'],
  [{ nodes: NODES, redisOptions: { path: '/s' } }, 'redisOptions.path is not for here'],
  [{ nodes: NODES, redisOptions: { sentinels: [] } }, 'redisOptions.sentinels is not for here'],
  [
    { nodes: NODES, redisOptions: { keyPrefix: 'x' } },
    'redisOptions.keyPrefix is not for here. It would be put before',
  ],
  [{ redis: {} }, 'redis must be an ioredis Cluster or Redis'],
  [{ redis: null }, 'redis must be an ioredis Cluster or Redis, but is null'],
  [{ nodes: NODES, keyPrefix: '' }, 'keyPrefix must not be empty'],
  [{ nodes: NODES, keyPrefix: 'fs:{x}:' }, "keyPrefix 'fs:{x}:' has braces"],
  [{ nodes: NODES, vipGroups: ['u1'] }, 'vipGroups must be an object of id arrays by group name'],
  [
    { nodes: NODES, vipGroups: 'vip' },
    "vipGroups must be an object of id arrays by group name, or 'recorded', but is 'vip'",
  ],
  [
    { nodes: NODES, vipGroups: new Map([['vip', ['u1']]]) },
    'vipGroups must be an object of id arrays by group name',
  ],
  [{ nodes: NODES, warmUp: 'yes' }, "warmUp must be true or false, but is 'yes'"],
  [
    { nodes: NODES, onShardDown: 'fail' },
    "onShardDown must be 'wait' or 'fail-fast', but is 'fail'",
  ],
  [{ nodes: NODES, natMap: 'x' }, 'natMap must be'],
  [{ nodes: NODES, natMap: 7 }, 'natMap must be'],
  [{ nodes: NODES, vipGroups: { vip: 'u1' } }, 'vipGroups.vip must be an array of ids'],
  [{ nodes: NODES, batchTtlSeconds: 0 }, 'batchTtlSeconds must be a whole number from 1 to'],
  [{ nodes: NODES, streamingTtlSeconds: 1.5 }, 'streamingTtlSeconds must be a whole number'],
  [
    { nodes: NODES, timeoutMs: '9' },
    "timeoutMs must be a positive number of milliseconds, but is '9'",
  ],
  [
    { nodes: NODES, connectTimeoutMs: -1 },
    'connectTimeoutMs must be a positive number of milliseconds, but is -1',
  ],
])('%j is refused by its path', (options, message) => {
  const error = refusalOf(() => resolve(options));
  expect(error.code).toBe('INVALID_OPTION');
  expect(error.message).toContain(message);
});

test('redis and nodes contradict each other, redis and redisOptions too', () => {
  const redis = idleRedis();
  expect(refusalOf(() => resolve({ redis, nodes: NODES })).message).toContain(
    'nodes and redis contradict each other',
  );
  expect(refusalOf(() => resolve({ redis, redisOptions: {} })).message).toContain(
    'redisOptions goes with nodes',
  );
});

test('a member that is no id is refused as an id', () => {
  expect(refusalOf(() => resolve({ nodes: NODES, vipGroups: { vip: [''] } }))).toMatchObject({
    code: 'INVALID_ID',
  });
});
