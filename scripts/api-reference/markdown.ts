/** docs/api.md: the public names in the groups of the entry points, one after the other. */

import { ERROR_CODES } from '../../src/index.ts';
import { format } from 'oxfmt';
import type { Docstring } from './docstring.ts';
import { NOT_EXPORTED, type ApiGroup, type ApiMember, type ApiSymbol } from './model.ts';

const HEAD = `# API reference

Every name that the package exports, made by \`npm run docs:api\` from the docstrings in \`src/\`: change those, and
make it again. [Options](options.md), [errors](errors.md) and [guarantees](guarantees.md) have a page each.
`;

export async function renderApi(groups: readonly ApiGroup[]): Promise<string> {
  const names = new Set(groups.flatMap(({ symbols }) => symbols.map(({ name }) => name)));
  const parts = [HEAD, contentsOf(groups)];
  for (const { title, symbols } of groups) {
    parts.push(`## ${title}\n`);
    if (title === NOT_EXPORTED) {
      parts.push('Types that signatures name; code cannot import them.\n');
    }
    for (const symbol of symbols) parts.push(await new Page(names, symbol).render());
  }
  return `${parts.join('\n').trimEnd()}\n`;
}

function contentsOf(groups: readonly ApiGroup[]): string {
  const rows = groups.map(
    ({ title, symbols }) => `| ${title} | ${symbols.map(({ name }) => linkTo(name)).join(', ')} |`,
  );
  return `| | |\n| --- | --- |\n${rows.join('\n')}\n`;
}

/** What other names of the reference are to one. */
const LABELS: Partial<Record<ApiSymbol['kind'], string>> = { type: 'Names', function: 'Types' };

/** What is said of one public name. */
class Page {
  readonly #names: ReadonlySet<string>;
  readonly #symbol: ApiSymbol;

  constructor(names: ReadonlySet<string>, symbol: ApiSymbol) {
    this.#names = names;
    this.#symbol = symbol;
  }

  async render(): Promise<string> {
    const { name, kind, isTypeOnly, docstring, members, named } = this.#symbol;
    const isClass = kind === 'class';
    const what = isClass && isTypeOnly ? 'class, exported as a type' : kind;
    const properties = members.filter((member) => member.kind === 'property');
    const calls = members.filter((member) => member.kind !== 'property');
    const parts = [
      `### ${name}\n`,
      `_${what}_\n`,
      await this.#head(),
      ...textsOf(docstring),
      this.#named(LABELS[kind] ?? 'Has the members of', named),
      tableOf(kind, properties),
    ];
    for (const call of calls) parts.push(await this.#call(call));
    return parts.filter((part) => part !== '').join('\n');
  }

  async #head(): Promise<string> {
    const { kind, signature } = this.#symbol;
    if (kind === 'constant') return `\`\`\`ts\n${signature}\n\`\`\`\n`;
    return codeOf(kind === 'type' || kind === 'function' ? signature : `${signature} {}`);
  }

  async #call(call: ApiMember): Promise<string> {
    const { name, kind, isStatic, signatures, docstring, named } = call;
    const owner = this.#symbol.name;
    const title = kind === 'constructor' ? `new ${owner}` : `${owner}.${name}`;
    const code = signatures.map((signature) => `${isStatic ? 'static ' : ''}${signature}`);
    const types = named.filter((type) => type !== owner);
    return [
      `#### ${title}\n`,
      await memberCodeOf(code),
      ...textsOf(docstring, call),
      this.#named('Types', types),
    ]
      .filter((part) => part !== '')
      .join('\n');
  }

  #named(label: string, names: readonly string[]): string {
    const known = names.filter((name) => this.#names.has(name));
    return known.length === 0 ? '' : `${label}: ${known.map(linkTo).join(', ')}.\n`;
  }
}

function textsOf(docstring: Docstring, call?: ApiMember): string[] {
  const { text, params, returns, throws, examples } = docstring;
  const list = params.map(({ name, text: what }) => `- \`${name}\`: ${inline(what)}`).join('\n');
  const defaults = Object.entries(call?.parameterDefaults ?? {});
  return [
    text && `${linked(text)}\n`,
    list && `${list}\n`,
    defaults.map(([name, value]) => `Default: \`${name}\` is \`${value}\`.\n`).join(''),
    returns === undefined ? '' : `Returns: ${linked(inline(returns))}.\n`,
    errorsOf(throws, call !== undefined && isDeadlined(call)),
    ...examples.map((example) => `${example}\n`),
  ];
}

function errorsOf(throws: readonly string[], isAsEveryCall: boolean): string {
  const errors = throws.map((error) => linked(inline(error)));
  if (isAsEveryCall) errors.push(`what [every call](#featurestore) may throw`);
  if (errors.length <= 1) return errors.map((error) => `Throws: ${error}.\n`).join('');
  return `Throws:\n\n${errors.map((error) => `- ${error}`).join('\n')}\n`;
}

/** Whether the call has a deadline, and with it the errors of every such call. */
function isDeadlined({ isStatic, named, type }: ApiMember): boolean {
  if (isStatic || !/^(Promise|AsyncGenerator)</.test(type)) return false;
  return named.some((name) => name.endsWith('Options') && name !== 'StoreOptions');
}

function tableOf(kind: ApiSymbol['kind'], properties: readonly ApiMember[]): string {
  if (properties.length === 0) return '';
  const hasDefaults = properties.some(({ docstring }) => docstring.defaultValue !== undefined);
  const cells = (items: readonly string[]): string =>
    `| ${items.filter((_, at) => at !== 2 || hasDefaults).join(' | ')} |`;
  const rows = properties.map(({ name, isOptional, type, docstring }) =>
    cells([
      `\`${name}${isOptional ? '?' : ''}\``,
      `\`${inline(type).replaceAll('|', String.raw`\|`)}\``,
      inline(docstring.defaultValue ?? ''),
      linked(inline(docstring.text)),
    ]),
  );
  const head = cells([
    kind === 'constant' ? 'name' : 'property',
    kind === 'constant' ? 'value' : 'type',
    'default',
    '',
  ]);
  return `${head}\n${cells(['---', '---', '---', '---'])}\n${rows.join('\n')}\n`;
}

/** On one line. */
function inline(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

/** Codes of errors lead to their page, addresses to where they point. */
function linked(text: string): string {
  return text
    .replaceAll(/(?<![`\w])[A-Z][A-Z_]{3,}(?![`\w])/g, (word) =>
      Object.hasOwn(ERROR_CODES, word) ? `[\`${word}\`](errors.md)` : word,
    )
    .replaceAll(/\((https:\/\/[^\s)]+)\)/g, '([source]($1))')
    .replaceAll(/(?<!`)docs\/(\w+\.md)/g, '[docs/$1]($1)');
}

function linkTo(name: string): string {
  return `[\`${name}\`](#${name.toLowerCase()})`;
}

/** As oxfmt formats it, in lines that a page has room for. */
async function codeOf(code: string): Promise<string> {
  const { code: formatted } = await format('signature.ts', code, {
    printWidth: 100,
    singleQuote: true,
  });
  return `\`\`\`ts\n${formatted.replace(/ \{\}\n$/, '\n')}\`\`\`\n`;
}

async function memberCodeOf(signatures: readonly string[]): Promise<string> {
  const formatted = await codeOf(`declare class X {\n${signatures.join('\n')}\n}`);
  const lines = formatted.split('\n');
  const members = lines.slice(2, -3).map((line) => line.replace(/^ {2}/, ''));
  return `\`\`\`ts\n${members.join('\n')}\n\`\`\`\n`;
}
