/**
 * Options that are unknown, of the wrong type or out of range: refused by their path, before
 * anything is sent.
 */

import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { FeatureStore, type ErrorCode, type FeatureStoreOptions } from '../../src/index.ts';
import { hostileCluster, nothingIsSent, refusalOf } from './hostile-cluster.ts';
import { holds } from './hostile-seed.ts';
import { anySizeText, hasLoneSurrogate, hostileText, isId, notText } from './hostile-text.ts';

const CASES = 10_000;
const started = hostileCluster(14_400);
let store: FeatureStore;
beforeAll(() => {
  store = started().store;
});

const noNumber = fc.constantFrom<unknown>(
  null,
  '5',
  '',
  5n,
  true,
  {},
  [],
  [5],
  Symbol('5'),
  new Date(5),
);
const noWholeNumber = fc.oneof(
  noNumber,
  fc.constantFrom(0, -0, -1, 0.5, 1.5, -1e9, 2 ** 53, 1e300, Number.NaN, Infinity, -Infinity),
  fc.double().filter((value) => !(value >= 1)),
);
const badTtls = fc.oneof(
  noWholeNumber,
  fc.maxSafeInteger().filter((ttl) => ttl > 3_153_600_000),
  fc.constant(3_153_600_001),
);
const badTimeouts = noWholeNumber.filter(
  (value) => typeof value !== 'number' || Number.isNaN(value),
);
const noFunction = fc.constantFrom<unknown>(null, 'log', 7, {}, [], Symbol('log'));
const noSignal = fc.constantFrom<unknown>(
  null,
  {},
  'abort',
  new AbortController(),
  new EventTarget(),
);
/**
 * What nobody would read, so it must not be taken for options: `getFeatures(id, names, signal)`.
 */
const noOptions = fc.constantFrom<unknown>(
  null,
  7,
  'timeoutMs',
  [],
  true,
  Symbol('options'),
  new Map([['timeoutMs', 5]]),
  new AbortController().signal,
  Promise.resolve({}),
  new Date(),
  () => ({}),
);

function unknownKeys(known: readonly string[]): fc.Arbitrary<object> {
  return anySizeText
    .filter((key) => !known.includes(key))
    .map((key) => Object.fromEntries([[key, 1]]));
}

interface Call {
  readonly run: (options: never) => unknown;
  readonly bad: Readonly<Record<string, fc.Arbitrary<unknown>>>;
}

const forAll = { timeoutMs: badTimeouts, signal: noSignal };
const forReads = {
  ...forAll,
  onPipeline: noFunction,
  onFailure: fc.constantFrom<unknown>(null, 'skip', '', true, 'Throw', {}),
};
const noFlag = fc.constantFrom<unknown>(null, 0, 1, 'true', {});
const forLoads = {
  ...forAll,
  ttlSeconds: badTtls,
  onProgress: noFunction,
  onCommitted: noFunction,
  onInvalid: fc.constantFrom<unknown>(null, 'return', '', true, 'Throw', {}),
  maxFailedRows: fc.constantFrom<unknown>(null, -1, 0.5, 1_000_001, '5', Number.NaN),
};
const FINE = { u1: { a: 1 } };

const calls: readonly Call[] = [
  {
    run: (options) => store.bulkLoad(FINE, options),
    bad: { ...forLoads, mode: fc.constantFrom<unknown>(null, 'Replace', '', 1, {}) },
  },
  {
    run: (options) => store.updateStreamingBatch(FINE, options),
    bad: { ...forLoads, ifExists: noFlag, onSkipped: noFunction, maxDelayMs: badTimeouts },
  },
  {
    run: (options) => store.updateStreaming('u1', { a: 1 }, options),
    bad: {
      ...forAll,
      ttlSeconds: badTtls,
      ifExists: noFlag,
      eventTimeMs: badTimeouts.filter((value) => value !== undefined),
    },
  },
  { run: (options) => store.updateBatchFeature('u1', 'a', 1, options), bad: forAll },
  { run: (options) => store.getFeatures('u1', ['a'], options), bad: forAll },
  { run: (options) => store.getFeatures('u1', undefined, options), bad: forAll },
  { run: (options) => store.batchGetFeatures(['u1'], ['a'], options), bad: forReads },
  { run: (options) => store.batchGetFeatures([], [], options), bad: forReads },
  {
    run: (options) => store.streamFeatures(['u1'], ['a'], options),
    bad: { ...forReads, chunkSize: noWholeNumber },
  },
  {
    run: (options) => store.vipGroup('g*\r\n').batchGetFeatures(['a'], options),
    bad: forReads,
  },
  { run: (options) => store.inspect('u1', options), bad: forAll },
  { run: (options) => store.keyTtlSeconds('u1', options), bad: forAll },
  { run: (options) => store.fieldTtlsSeconds('u1', ['a'], options), bad: forAll },
  { run: (options) => store.scanEntityIds(options), bad: forAll },
  { run: (options) => store.listEntityIds(5, options), bad: forAll },
  { run: (options) => store.countEntities(options), bad: forAll },
  { run: (options) => store.countEntitiesByShard(options), bad: forAll },
  { run: (options) => store.deleteEntity('u1', options), bad: forAll },
  { run: (options) => store.reset(options), bad: forAll },
];

test('options of calls', async () => {
  const cases = fc.constantFrom(...calls).chain(({ run, bad }) => {
    const values = Object.entries(bad).map(([name, value]) =>
      value.map((given) => ({ [name]: given })),
    );
    const options = fc.oneof(noOptions, unknownKeys(Object.keys(bad)), ...values);
    return fc.tuple(fc.constant(run), options);
  });
  let refused = 0;
  await nothingIsSent(started(), () =>
    holds(
      fc.asyncProperty(cases, async ([run, options]) => {
        await refusalOf(() => run(options as never), 'INVALID_OPTION');
        refused++;
      }),
      CASES,
    ),
  );
  expect(refused).toBe(CASES);
});

test('the limit of a list', async () => {
  const property = fc.asyncProperty(
    fc.oneof(noWholeNumber, fc.constant(10_000_001)),
    async (limit) => {
      await refusalOf(() => store.listEntityIds(limit as number), 'INVALID_OPTION');
    },
  );
  await expect(nothingIsSent(started(), () => holds(property, CASES))).resolves.toBeUndefined();
});

const badPrefixes = fc.oneof(
  hostileText.filter((text) => text === '' || /[{}]/.test(text) || hasLoneSurrogate(text)),
  fc.constantFrom('x'.repeat(4_097), 'é'.repeat(1_048_576)),
  notText.filter((value) => value !== undefined),
);
const noHost = fc.constantFrom<unknown>(
  '',
  ' ',
  'a b',
  'a\r\nb',
  'a\0',
  '\uD800',
  'x'.repeat(1_048_576),
  7,
  null,
);
const noRecord = fc.constantFrom<unknown>(
  null,
  7,
  'a',
  [],
  [['vip', ['u1']]],
  new Map(),
  new Date(),
);
const badGroups = fc.oneof(
  noRecord,
  hostileText
    .filter((name) => name === '' || /[{}]/.test(name) || hasLoneSurrogate(name))
    .map((name) => Object.fromEntries([[name, ['u1']]])),
  fc.constantFrom('x'.repeat(4_097), '\n'.repeat(1_048_576)).map((name) => ({ [name]: ['u1'] })),
  hostileText
    .filter((name) => name !== '' && !/[{}]/.test(name) && name.length < 1_000)
    .chain((name) =>
      fc
        .constantFrom<unknown>(
          null,
          'u1',
          new Set(['u1']),
          {},
          ['u1', 'u1'],
          Array(10_001).fill('u'),
        )
        .map((members) => Object.fromEntries([[name, members]])),
    ),
  fc.constant({ a: ['u1'], b: ['u2', 'u1'] }),
);
const badNodes = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    'redis://127.0.0.1:1',
    {},
    [],
    new Set(['h:1']),
    Array(2),
    Array(1_001).fill('h:1'),
  ),
  notText.map((node) => [node]),
  noHost
    .map((host) => [`${String(host)}:7000`])
    .filter(([node]) => !/^(7|null):7000$/.test(node ?? '')),
  hostileText
    .filter((text) => !/^[^\s\p{Cc}]+:\d+$/u.test(text))
    .map((text) => ['127.0.0.1:1', text]),
  fc
    .constantFrom(
      'redis://',
      'redis://h:0',
      'redis://h:65536',
      'redis://h/x',
      'http://h:1',
      'redis://h?x=1',
      `${'x'.repeat(1_048_576)}://h:1`,
      `redis://${'x'.repeat(1_048_576)}:1`,
      `h:${'1'.repeat(99)}`,
    )
    .map((node) => [node]),
);
const badNatMaps = fc.oneof(
  noRecord,
  fc.record({ host: noHost, port: fc.constant(1) }).map((to) => ({ 'a:1': to })),
  fc
    .tuple(anySizeText, fc.constantFrom<unknown>(0, 65_536, 1.5, '1', null))
    .map(([address, port]) => Object.fromEntries([[address, { host: 'h', port }]])),
  fc
    .tuple(anySizeText, fc.constantFrom<unknown>(null, 'h:1', 7))
    .map(([address, to]) => Object.fromEntries([[address, to]])),
);
const badRedisOptions = fc.constantFrom<unknown>(
  null,
  7,
  'tls',
  [],
  { host: 'h' },
  { port: 1 },
  { path: '/s' },
  { sentinels: [] },
  { keyPrefix: 'x:' },
);
const KNOWN =
  'nodes redis redisOptions natMap keyPrefix batchTtlSeconds streamingTtlSeconds vipGroups vipGroupsRecord timeoutMs connectTimeoutMs warmUp onShardDown'.split(
    ' ',
  );
const named = (name: string, values: fc.Arbitrary<unknown>): fc.Arbitrary<object> =>
  values.map((value) => ({ [name]: value }));
const badConnectOptions = fc.oneof(
  unknownKeys(KNOWN),
  named('keyPrefix', badPrefixes),
  named('batchTtlSeconds', badTtls),
  named('streamingTtlSeconds', badTtls),
  named('timeoutMs', badTimeouts),
  named('connectTimeoutMs', badTimeouts),
  named('warmUp', fc.constantFrom<unknown>(null, 0, 1, 'true', {})),
  named('onShardDown', fc.constantFrom<unknown>(null, true, '', 'fail', 'Wait', {}, ['wait'])),
  named('vipGroups', badGroups),
  named('vipGroupsRecord', fc.constantFrom<unknown>(null, true, '', 'Check', {}, ['check'])),
  named('nodes', badNodes),
  named('natMap', badNatMaps),
  named('redisOptions', badRedisOptions),
  named('redis', fc.constantFrom<unknown>(null, {}, 'redis://h:1', { options: {} })),
);

test('options of connect: refused before a connection is made', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const refuse = async (options: unknown, code: ErrorCode): Promise<void> => {
    await refusalOf(() => FeatureStore.connect(options as FeatureStoreOptions), code);
  };
  const nodes = [`127.0.0.1:${port}`];
  let refused = 0;
  await holds(
    fc.asyncProperty(badConnectOptions, async (bad) => {
      await refuse({ nodes, ...bad }, 'INVALID_OPTION');
      refused++;
    }),
    CASES,
  );
  expect(refused).toBe(CASES);
  const badIds = fc.oneof(
    anySizeText.filter((text) => !isId(text)),
    notText,
  );
  const property = fc.asyncProperty(badIds, async (id) => {
    await refuse({ nodes, vipGroups: { vip: ['u1', id] } }, 'INVALID_ID');
  });
  await holds(property, CASES);
  await holds(
    fc.asyncProperty(noOptions, (options) => refuse(options, 'INVALID_OPTION')),
    100,
  );
  expect(connections).toBe(0);
});
