/** Makes values from a JSON schema: those that it allows, and those that it does not. */

import * as fc from 'fast-check';
import { hostileText } from './hostile-text.ts';

/**
 * The keywords that the demo's schemas use; another one is an error here, so that none is
 * overlooked.
 */
interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer';
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly anyOf?: readonly Schema[];
}

const KNOWN = new Set(['type', 'properties', 'items', 'maxItems', 'maxLength', 'pattern', 'anyOf']);

function checked(schema: object): Schema {
  for (const keyword of Object.keys(schema)) {
    if (!KNOWN.has(keyword)) throw new Error(`no arbitrary for the keyword ${keyword}`);
  }
  return schema as Schema;
}

/** JSON that no parameter is. */
const otherJson = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 1.5, -0.1, 1e-300, {}, { a: 1 }, [[]], [null], [{}]),
  fc.double({ noInteger: true, noNaN: true, noDefaultInfinity: true }),
);

export function allowedBy(anySchema: object): fc.Arbitrary<unknown> {
  const schema = checked(anySchema);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(allowedBy));
  switch (schema.type) {
    case 'object':
      return fc.record(mapValues(schema.properties ?? {}, allowedBy), { requiredKeys: [] });
    case 'array':
      return fc.array(allowedBy(schema.items ?? {}), {
        maxLength: schema.maxItems ?? 10,
        size: 'small',
      });
    case 'integer':
      return fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: -9, max: 99 }) },
        { weight: 2, arbitrary: fc.oneof(fc.integer(), fc.maxSafeInteger()) },
        { weight: 1, arbitrary: fc.constantFrom(0, -0, 1e21, 1e300) },
      );
    case 'string':
      if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern));
      return hostileText.map((text) => cut(text, schema.maxLength));
    default:
      throw new Error(`no arbitrary for ${JSON.stringify(schema)}`);
  }
}

/** One property at least is not as it must be. */
export function refusedBy(anySchema: object): fc.Arbitrary<unknown> {
  const { properties = {} } = checked(anySchema);
  const names = Object.keys(properties);
  if (names.length === 0) throw new Error('nothing to refuse');
  return fc
    .tuple(allowedBy(anySchema), fc.constantFrom(...names))
    .chain(([allowed, name]) =>
      outside(properties[name] ?? {}).map((value) => ({ ...(allowed as object), [name]: value })),
    );
}

function outside(anySchema: Schema): fc.Arbitrary<unknown> {
  const schema = checked(anySchema);
  const options = schema.anyOf ?? [schema];
  const values: fc.Arbitrary<unknown>[] = [otherJson];
  const text = options.find(({ type }) => type === 'string');
  if (!text) values.push(hostileText);
  if (text?.pattern !== undefined) {
    const pattern = new RegExp(text.pattern);
    values.push(hostileText.filter((value) => !pattern.test(value)));
  }
  if (text?.maxLength !== undefined) {
    values.push(
      fc.constantFrom('x', '😀', '\0').map((one) => one.repeat((text.maxLength ?? 0) + 1)),
    );
  }
  if (!options.some(({ type }) => type === 'integer')) values.push(fc.integer());
  const list = options.find(({ type }) => type === 'array');
  if (!list) values.push(fc.constantFrom([], ['1', '2']));
  if (list?.maxItems !== undefined) {
    values.push(fc.constant(Array.from({ length: list.maxItems + 1 }, (_, index) => `f${index}`)));
  }
  return fc.oneof(...values);
}

/** As JSON schema counts: code points, and no half of one at the end. */
function cut(text: string, maxLength = Number.POSITIVE_INFINITY): string {
  return [...text].slice(0, maxLength).join('');
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
