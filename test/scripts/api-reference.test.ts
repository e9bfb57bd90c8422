/**
 * Each public name has a docstring that says what a first-time reader needs, and docs/api.md is
 * what the script makes of them.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { renderApi } from '../../scripts/api-reference/markdown.ts';
import { readApi, type ApiMember, type ApiSymbol } from '../../scripts/api-reference/model.ts';
import { defaultOptions, ERROR_CODES } from '../../src/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const groups = readApi(root);
const symbols = groups.flatMap((group) => group.symbols);
/** `FeatureStore.connect` and so on, with what they are a member of. */
const members = symbols.flatMap((symbol) =>
  symbol.members.map((member) => ({ path: `${symbol.name}.${member.name}`, symbol, member })),
);

function memberAt(path: string): ApiMember {
  const found = members.find((each) => each.path === path);
  if (found === undefined) throw new Error(`There is no ${path}`);
  return found.member;
}

it('docs/api.md is what the script makes of the docstrings now', async () => {
  expect(read('docs/api.md'), 'run npm run docs:api').toBe(await renderApi(groups));
});

it.each([
  ['src/index.ts', 35],
  ['src/testing/index.ts', 7],
])('every name that %s exports is read', (path, least) => {
  const code = read(path).replaceAll(/\/\/.*|\/\*[^]*?\*\//g, '');
  const lists = [...code.matchAll(/\{([^}]*)\}/g)].map(([, list = '']) => list);
  const names = lists.flatMap((list) => list.split(',').map((name) => name.trim()));
  const exported = names.filter((name) => name !== '');
  expect(exported.length).toBeGreaterThan(least);
  expect(symbols.map(({ name }) => name)).toStrictEqual(expect.arrayContaining(exported));
  expect(groups.map(({ title }) => title).slice(0, 5)).toStrictEqual([
    'The store',
    'Its options',
    'What goes in and comes out',
    'Errors',
    'For tests, from cluster-feature-store/testing',
  ]);
  expect(members.length).toBeGreaterThan(130);
});

it('every public name and member has a docstring', () => {
  const all = [...symbols.map((symbol) => ({ path: symbol.name, ...symbol })), ...flat()];
  const bare = all.filter(({ docstring }) => docstring.text === '').map(({ path }) => path);
  expect(bare).toStrictEqual([]);
});

it('every docstring is well-formed TSDoc', () => {
  const all = [...symbols.map((symbol) => ({ path: symbol.name, ...symbol })), ...flat()];
  const faulty = all.flatMap(({ path, docstring }) =>
    docstring.faults.map((fault) => `${path}: ${fault}`),
  );
  expect(faulty).toStrictEqual([]);
});

it('FeatureStore and what its main calls take have an example', () => {
  const shown = [
    'createTestStore',
    'Faults',
    'FeatureStore',
    'FeatureStoreOptions',
    'FeatureRows',
    'ReadOptions',
    'VipGroup',
  ];
  const without = [...shown, 'StreamOptions', 'Credentials', 'FeatureStoreError'].filter(
    (name) => symbols.find((symbol) => symbol.name === name)?.docstring.examples.length !== 1,
  );
  expect(without).toStrictEqual([]);
});

describe('defaults', () => {
  /** Options that nothing stands in for. */
  const WITHOUT_DEFAULT = [
    'BatchReadOptions.onPipeline',
    'CallOptions.signal',
    'DeletionOptions.onProgress',
    'FeatureStoreOptions.credentials',
    'FeatureStoreOptions.nodes',
    'FeatureStoreOptions.redis',
    'LoadOptions.onCommitted',
    'LoadOptions.onProgress',
    'RowOptions.eventTimeMs',
    'RowOptions.offset',
    'StreamingLoadOptions.onSkipped',
    'StreamingLoadOptions.stream',
    'StreamingOptions.eventTimeMs',
    'StreamingOptions.stream',
  ];
  const options = members.filter(({ symbol, member: { isOptional } }) => {
    return isOptional && symbol.name.endsWith('Options');
  });

  it('every option has one, or is known to have none', () => {
    const without = options.filter(({ member: { docstring } }) => !docstring.defaultValue);
    expect(without.map(({ path }) => path).sort()).toStrictEqual(WITHOUT_DEFAULT);
  });

  it.each(Object.entries(defaultOptions))('%s of the store is %j', (name, value) => {
    expect(valueOf(memberAt(`FeatureStoreOptions.${name}`))).toBe(value);
    expect(valueIn(memberAt(`defaultOptions.${name}`).type)).toBe(value);
  });

  it('every value of a store option is in defaultOptions, but for empty objects', () => {
    const stated = options.filter(({ symbol }) => symbol.name === 'FeatureStoreOptions');
    const others = stated.filter(({ member: { name } }) => !Object.hasOwn(defaultOptions, name));
    const values = others.map(({ member: each }) => valueOf(each)).filter(Boolean);
    expect(values).toStrictEqual([{}, {}, {}]);
  });

  it.each([
    ['StreamOptions.chunkSize', /DEFAULT_CHUNK_SIZE = ([\d_]+);/],
    ['WriteOptions.minReplicas', /\{ minReplicas = (\d+) \}: WriteOptions/],
  ])('%s is what the code takes', (path, pattern) => {
    const found = sources().flatMap((text) => pattern.exec(text)?.[1] ?? []);
    expect(found).toHaveLength(1);
    expect(valueOf(memberAt(path))).toBe(valueIn(found[0] ?? ''));
  });

  it('the strings are members of their types', () => {
    expect(memberAt('ReadOptions.onFailure').type).toContain(
      valueOf(memberAt('ReadOptions.onFailure')),
    );
    const kinds = symbols.find(({ name }) => name === 'ValuesAs');
    expect(kinds?.signature).toContain(valueOf(memberAt('ValueOptions.as')));
  });
});

describe('units', () => {
  const ABOUT =
    /\b(ttl|timeouts?|deadline|elapsed|latency|size|bytes?|seconds?|ms|milliseconds?|how long|expires)\b/i;
  const UNIT = /\b(seconds?|milliseconds?|ms|s|bytes|MiB|ids|rows|Date)\b/i;

  it('every property about time or size says in what', () => {
    const properties = members.filter(({ member: { kind, type } }) => {
      return kind === 'property' && type !== 'true' && type !== 'false';
    });
    const about = properties.filter(({ member: { name, docstring } }) =>
      ABOUT.test(`${words(name)} ${docstring.text}`),
    );
    expect(about.length).toBeGreaterThan(20);
    const without = about.filter(({ member: { name, docstring } }) => {
      return !UNIT.test(`${words(name)} ${docstring.text}`);
    });
    expect(without.map(({ path }) => path)).toStrictEqual([]);
  });

  it('a number whose name has a unit has it in words, too', () => {
    const named = members.filter(({ member: { name, kind } }) => {
      return kind === 'property' && /(Ms|Seconds)(Total|Max)?$/.test(name);
    });
    expect(named.length).toBeGreaterThan(12);
    const without = named.filter(({ member: { name, docstring } }) => {
      return !docstring.text.match(name.includes('Ms') ? /milliseconds/i : /seconds/i);
    });
    expect(without.map(({ path }) => path)).toStrictEqual([]);
  });
});

describe('calls', () => {
  const owners = new Set(['FeatureStore', 'VipGroup']);
  const calls = members.filter(({ symbol, member: { kind, type } }) => {
    return owners.has(symbol.name) && kind === 'method' && /^(Promise|AsyncGen)/.test(type);
  });
  const CLASSES = new Set(['FeatureStoreError', 'PartialBatchError', 'PartialLoadError']);

  it('each says what it throws', () => {
    expect(calls.length).toBeGreaterThan(18);
    const without = calls.filter(({ member: { docstring } }) => docstring.throws.length === 0);
    expect(without.map(({ path }) => path)).toStrictEqual([]);
  });

  it('each names the class of the error first, and codes that exist', () => {
    const all = [...symbols.map((symbol) => ({ path: symbol.name, ...symbol })), ...flat()];
    const wrong = all.flatMap(({ path, docstring: { throws } }) =>
      throws.filter((text) => !isByCode(text)).map((text) => `${path}: ${text}`),
    );
    expect(wrong).toStrictEqual([]);
  });

  function isByCode(text: string): boolean {
    const [first = ''] = text.split(' ');
    const codes = text.match(/\b[A-Z][A-Z_]{2,}\b/g) ?? [];
    const areKnown = codes.every((code) => Object.hasOwn(ERROR_CODES, code));
    return CLASSES.has(first) && codes.length > 0 && areKnown;
  }

  it('the class names the errors of every call', () => {
    const [errors = ''] = symbols.find(({ name }) => name === 'FeatureStore')!.docstring.throws;
    for (const code of ['TIMEOUT', 'ABORTED', 'CLOSED', 'INVALID_OPTION', 'ACCESS_DENIED']) {
      expect(errors).toContain(code);
    }
  });

  /** What a docstring has to have for a reader to know the shape, by the type that is given. */
  const SHAPES: readonly (readonly [type: RegExp, says: RegExp])[] = [
    [/^Promise<(void|FeatureStore)>$/, /./],
    [/^Promise<number>$/, /how many|counts|seconds/i],
    [/^Promise<boolean>$/, /whether/i],
    [/^(Promise<string\[\]>|AsyncGenerator<string>)$/, /\bids?\b/],
    [/^Promise<Record<string, number>>$/, /\bby (name|primary)\b/],
    [
      /^Promise<LoadResult>$/,
      /`\{ loaded, .*failed: \[\{ id, position, error \}\], elapsedMs, … \}`/,
    ],
    [/^Promise<RowOutcome>$/, /`'written'`.*`'older'`.*`'absent'`/],
    [/^Promise<DeletionProgress>$/, /`\{ scanned, entities, features \}`/],
    [/^Promise<RowOf<As, Name>>$/, /`\{ name: value \}`.*`\{\}`/],
    [
      /^Promise<(RowOf<As, Name>\[\]|PartialRows<RowOf<As, Name>>)>$/,
      /`rows\[i\]` for `ids\[i\]`.*(`\{\}`|undefined)/,
    ],
    [/^AsyncGenerator<FeatureChunk/, /`\{ ids, rows, failed \}`/],
    [/^Promise<InspectedEntity>$/, /field.*TTL/],
    [/^Promise<StoreTopology>$/, /shards.*slots/],
  ];

  it.each(calls)('$path says the shape of what it gives', ({ member: { type, docstring } }) => {
    const says = SHAPES.filter(([pattern]) => pattern.test(type));
    expect(says, `a shape for ${type}`).toHaveLength(1);
    expect(`${docstring.text} ${docstring.returns ?? ''}`).toMatch(says[0]![1]);
  });
});

/** Members with their path, in the form of symbols. */
function flat(): (Pick<ApiSymbol, 'docstring'> & { readonly path: string })[] {
  return members.map(({ path, member: { docstring } }) => ({ path, docstring }));
}

/** `latencyMsMax` → `latency Ms Max`. */
function words(name: string): string {
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ');
}

/** What stands in backticks first in `@default`; undefined where it is words alone. */
function valueOf({ docstring }: ApiMember): unknown {
  const [, code] = /^`([^`]+)`/.exec(docstring.defaultValue ?? '') ?? [];
  return code === undefined ? undefined : valueIn(code);
}

function valueIn(code: string): unknown {
  if (/^\d[\d_]*$/.test(code)) return Number(code.replaceAll('_', ''));
  return JSON.parse(code.replaceAll("'", '"'));
}

function sources(): string[] {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts')).map((file) => read(join('src', file)));
}
