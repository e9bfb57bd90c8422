/**
 * What requests carry, as JSON or as a form. A form knows only strings, so a number may come as
 * one. A number out of range is taken to the nearest that is allowed; what is no number is refused.
 */

export interface Parameters {
  readonly count?: string | number;
  readonly ttl?: string | number;
  readonly user?: string;
  readonly field?: string | readonly string[];
}

export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

const MAX_FIELDS = 256;
const MAX_NAME_LENGTH = 256;
const MAX_ID_LENGTH = 1_024;

const wholeNumber = {
  anyOf: [{ type: 'integer' }, { type: 'string', pattern: String.raw`^[+-]?\d{1,15}$` }],
};
const name = { type: 'string', maxLength: MAX_NAME_LENGTH };
const properties: Readonly<Record<keyof Parameters, object>> = {
  count: wholeNumber,
  ttl: wholeNumber,
  user: { type: 'string', maxLength: MAX_ID_LENGTH },
  field: { anyOf: [name, { type: 'array', maxItems: MAX_FIELDS, items: name }] },
};

const requirements: Readonly<Record<string, string>> = {
  count: 'count must be a whole number',
  ttl: 'ttl must be a whole number of seconds',
  user: `user must be one id of up to ${MAX_ID_LENGTH} characters`,
  field: `field must be one or up to ${MAX_FIELDS} names of up to ${MAX_NAME_LENGTH} characters`,
};

/** JSON schema of an object with these parameters. */
export function schemaOf(...names: readonly (keyof Parameters)[]): object {
  return {
    type: 'object',
    properties: Object.fromEntries(names.map((known) => [known, properties[known]])),
  };
}

/** What a parameter must be. @param path of the validator, such as `/count` or `/field/3` */
export function requirementOf(path: string): string {
  const parameter = path.split('/')[1] ?? '';
  const requirement = Object.hasOwn(requirements, parameter) ? requirements[parameter] : undefined;
  return requirement ?? 'the parameters must be a JSON object or an urlencoded form';
}

export function integerOf(
  value: string | number | undefined,
  { min, max }: IntegerRange,
  fallback: number,
): number {
  return Math.min(max, Math.max(min, value === undefined ? fallback : Number(value)));
}

/** Names in their order, each once. */
export function namesOf(field: string | readonly string[] | undefined): string[] {
  const names = typeof field === 'string' ? [field] : (field ?? []);
  return [...new Set(names.filter((feature) => feature !== ''))];
}
