/**
 * The key of an entity, and the entity of a key.
 *
 *   {keyPrefix}{id}               fs:user:u0001
 *   {keyPrefix}{{group}}:{id}     fs:user:{vip}:u0001      for a member of a VIP group
 *
 * Only VIP groups put braces into a key: braces in an id would move it to another slot, and braces
 * in the prefix would pin every entity to one.
 */

import { KeyPrefix, type KeyTable } from '../cluster/batch.ts';
import { FeatureStoreError } from '../errors.ts';
import { refuse, show } from './option-checks.ts';
import { VipGroups } from './vip-groups.ts';
import { MAX_ID_BYTES } from './limits.ts';
import { SHORT_TEXT } from '../cluster/limits.ts';

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const LAST_ASCII = 0x7f;

export class KeyLayout {
  readonly prefix: string;
  /** The same as tables of keys take it. */
  readonly keyPrefix: KeyPrefix;
  readonly groups: VipGroups;
  /** The groups, where there are any: most stores have none. */
  readonly #anyGroups: VipGroups | undefined;

  constructor(prefix: unknown, vipGroups: Readonly<Record<string, readonly string[]>>) {
    this.prefix = checkPrefix(prefix);
    this.keyPrefix = new KeyPrefix(this.prefix);
    this.groups = new VipGroups(vipGroups, checkId);
    this.#anyGroups = this.groups.isEmpty ? undefined : this.groups;
  }

  /** @throws FeatureStoreError INVALID_ID */
  keyFor(id: string): string {
    return this.prefix + this.#restOf(id);
  }

  /** @throws FeatureStoreError INVALID_ID */
  check(id: string): void {
    checkId(id);
  }

  /** Adds the key of one id. @throws FeatureStoreError INVALID_ID */
  addKey(keys: KeyTable, id: string): void {
    keys.add(this.#restOf(id));
  }

  /** Adds the keys of many ids: mostly by one string of them all. @throws FeatureStoreError INVALID_ID */
  addKeys(keys: KeyTable, ids: readonly string[]): void {
    const text = this.#plainTextOf(ids);
    if (text !== undefined) keys.addPlain(ids, text);
    else for (const rest of Array.from(ids, (id) => this.#restOf(id))) keys.add(rest);
  }

  /** What follows the prefix in the key. */
  #restOf(id: string): string {
    checkId(id);
    const group = this.#anyGroups?.groupOf(id);
    return group === undefined ? id : `{${group}}:${id}`;
  }

  /**
   * The ids one after the other, if each of them follows the prefix as it is, and takes a byte per
   * character. If not, `#restOf` has to look at each, and perhaps to refuse it.
   */
  #plainTextOf(ids: readonly unknown[]): string | undefined {
    const groups = this.#anyGroups;
    for (const id of ids) {
      if (typeof id !== 'string' || id.length === 0 || id.length > MAX_ID_BYTES) return undefined;
      if (groups?.groupOf(id) !== undefined) return undefined;
    }
    const text = ids.length === 1 ? (ids[0] as string) : ids.join('');
    return isPlain(text) ? text : undefined;
  }

  /**
   * The id whose key this is, if it is one: a key under the prefix need not be an entity's. Ids are
   * text.
   */
  idOf(key: string | Uint8Array): string | undefined {
    if (typeof key !== 'string' || !key.startsWith(this.prefix)) return undefined;
    const rest = key.slice(this.prefix.length);
    const tagged = /^\{([^{}]+)\}:([^]*)$/.exec(rest);
    if (tagged) {
      const [, group, id = ''] = tagged;
      return this.groups.groupOf(id) === group ? id : undefined;
    }
    if (Buffer.byteLength(rest) > MAX_ID_BYTES) return undefined;
    const isEntity = rest !== '' && !/[{}]/.test(rest) && this.groups.groupOf(rest) === undefined;
    return isEntity ? rest : undefined;
  }

  /** For SCAN MATCH: everything under the prefix, whatever the prefix holds. */
  get scanPattern(): string {
    return `${this.prefix.replace(/[*?[\]\\]/g, '\\$&')}*`;
  }
}

/**
 * Whether a store takes the id: a string of 1 to 4,096 bytes in UTF-8, without braces and without
 * lone surrogates.
 * @param id - whatever may be one
 * @returns whether it is
 */
export function isValidId(id: unknown): id is string {
  try {
    checkId(id);
    return true;
  } catch {
    return false;
  }
}

export function checkId(id: unknown): asserts id is string {
  if (typeof id !== 'string') refuseId(`An id must be a string, but is ${show(id)}.`);
  if (id === '') refuseId('An id must not be empty.');
  if (id.includes('{') || id.includes('}')) {
    refuseId(
      `Id ${show(id)} has braces; in a cluster they decide the slot. Use another character.`,
    );
  }
  if (!id.isWellFormed()) {
    refuseId(`Id ${show(id.toWellFormed())} has a lone surrogate, which UTF-8 cannot hold.`);
  }
  if (id.length * 3 > MAX_ID_BYTES && Buffer.byteLength(id) > MAX_ID_BYTES) {
    refuseId(`Id ${show(id)} has ${Buffer.byteLength(id)} bytes; the limit is ${MAX_ID_BYTES}.`);
  }
}

/** Whether all of it is ASCII, and none of it a brace. */
function isPlain(text: string): boolean {
  if (text.length > SHORT_TEXT) {
    const hasBraces = text.includes('{') || text.includes('}');
    return !hasBraces && Buffer.byteLength(text) === text.length;
  }
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > LAST_ASCII || code === OPENING_BRACE || code === CLOSING_BRACE) return false;
  }
  return true;
}

function refuseId(message: string): never {
  throw new FeatureStoreError('INVALID_ID', message);
}

function checkPrefix(prefix: unknown): string {
  if (typeof prefix !== 'string') refuse(`keyPrefix must be a string, but is ${show(prefix)}.`);
  if (prefix === '') {
    refuse("keyPrefix must not be empty: reset() would delete every key. Use one like 'fs:user:'.");
  }
  if (/[{}]/.test(prefix)) {
    refuse(
      `keyPrefix ${show(prefix)} has braces: a hash tag there pins every entity to one slot, so one ` +
        "shard would hold them all. Use one like 'fs:user:'.",
    );
  }
  if (!prefix.isWellFormed()) refuse('keyPrefix has a lone surrogate, which UTF-8 cannot hold.');
  if (Buffer.byteLength(prefix) > MAX_ID_BYTES) {
    refuse(`keyPrefix has ${Buffer.byteLength(prefix)} bytes; the limit is ${MAX_ID_BYTES}.`);
  }
  return prefix;
}
