/**
 * VIP groups: entities that are read together so often that they live together. The group's hash
 * tag in a member's key puts all members into one slot, so one pipeline to one shard serves them.
 */

import { FeatureStoreError } from '../errors.ts';
import { pathTo, refuse, show, showKey } from './option-checks.ts';
import { MAX_GROUP_MEMBERS, MAX_GROUP_NAME_BYTES, SHOWN_GROUPS } from './limits.ts';

/** Which id is in which group. An id is in one group at the most. */
export class VipGroups {
  readonly #members = new Map<string, readonly string[]>();
  readonly #groupOf = new Map<string, string>();

  /** @param checkId throws what is wrong with an id */
  constructor(groups: Readonly<Record<string, readonly string[]>>, checkId: (id: unknown) => void) {
    for (const [name, ids] of Object.entries(groups)) {
      this.#add(name, checkName(name), ids, checkId);
    }
  }

  get names(): string[] {
    return [...this.#members.keys()];
  }

  get isEmpty(): boolean {
    return this.#groupOf.size === 0;
  }

  groupOf(id: string): string | undefined {
    return this.#groupOf.get(id);
  }

  /** The ids of a group, in the order they were given. */
  membersOf(name: string): readonly string[] {
    return this.#members.get(name) ?? this.refuse(name);
  }

  /** @throws FeatureStoreError UNKNOWN_VIP_GROUP, which names the groups that there are */
  refuse(name: unknown): never {
    throw new FeatureStoreError(
      'UNKNOWN_VIP_GROUP',
      `${show(name)} is not among vipGroups; declared are: ${this.#declared()}.`,
    );
  }

  #declared(): string {
    if (this.#members.size === 0) return 'none';
    const shown = this.names.slice(0, SHOWN_GROUPS).map(showKey).join(', ');
    const more = this.#members.size - SHOWN_GROUPS;
    return more > 0 ? `${shown} and ${more} more` : shown;
  }

  #add(name: string, path: string, ids: readonly string[], checkId: (id: unknown) => void): void {
    if (!Array.isArray(ids)) refuse(`${path} must be an array of ids, but is ${show(ids)}.`);
    if (ids.length > MAX_GROUP_MEMBERS) {
      refuse(
        `${path} has ${ids.length} members; the limit is ${MAX_GROUP_MEMBERS}, because a group is one ` +
          'slot, and a slot is never split over shards. Make several groups.',
      );
    }
    for (const id of ids) {
      checkId(id);
      const other = this.#groupOf.get(id);
      if (other !== undefined) {
        const where =
          other === name ? `twice in ${path}` : `in ${pathTo('vipGroups', other)} and in ${path}`;
        refuse(`Id ${show(id)} is ${where}; an id has one key, so it can be in one group once.`);
      }
      this.#groupOf.set(id, name);
    }
    this.#members.set(name, Object.freeze([...ids]));
  }
}

function checkName(name: string): string {
  const path = pathTo('vipGroups', name);
  if (name === '') refuse('vipGroups has a group without a name; the name is its hash tag.');
  if (/[{}]/.test(name)) {
    refuse(`${path} has braces in its name; the store puts the name in braces itself.`);
  }
  if (!name.isWellFormed()) refuse(`The name of a group in vipGroups is not well-formed Unicode.`);
  const bytes = Buffer.byteLength(name);
  if (bytes > MAX_GROUP_NAME_BYTES) {
    refuse(`${path} has a name of ${bytes} bytes; the limit is ${MAX_GROUP_NAME_BYTES}.`);
  }
  return path;
}
