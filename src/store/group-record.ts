/**
 * What the cluster knows of VIP groups: a record under the prefix that the first store with groups
 * writes before it writes anything else. A store with other groups makes other keys for the members,
 * and would read nothing of them, so it is refused when it connects.
 *
 *   {keyPrefix}{}vip-groups   {"format":1,"version":1,"digest":"…","groups":{"vip":["u0001",…]}}
 *
 * No entity has such a key: ids have no braces, and a group has a name. Empty braces are no hash
 * tag, so the record lives where its whole key belongs.
 */

import { createHash } from 'node:crypto';
import {
  CommandWriter,
  EncodedRows,
  KeyTable,
  OneKey,
  type Batch,
  type Reply,
  type Word,
} from '../cluster/batch.ts';
import type { Backend } from '../cluster/delivery/backend.ts';
import { Deadline } from '../cluster/delivery/deadline.ts';
import { FeatureStoreError } from '../errors.ts';
import { performance } from '../runtime/clock.ts';
import { orLate } from '../runtime/timer.ts';
import { KeyLayout } from './key-layout.ts';
import { GROUP_PATIENCE_MS, GROUP_RECORD_MS, MAX_RECORDED_BYTES, SHOWN_GROUPS } from './limits.ts';
import { isRecord, showKey } from './option-checks.ts';
import type { ResolvedOptions } from './options.ts';

/** What follows the prefix in the record's key. */
export const GROUP_RECORD = '{}vip-groups';

type Groups = Readonly<Record<string, readonly string[]>>;

interface RecordedGroups {
  readonly version: number;
  readonly digest: string;
  /** Left out where it would be long. */
  readonly groups: Groups | undefined;
}

/**
 * The options with the groups that are recorded, where those are asked for.
 * @throws FeatureStoreError VIP_GROUPS_MISMATCH: this store has other groups
 */
export async function agreeOnGroups(
  backend: Backend,
  options: ResolvedOptions,
): Promise<ResolvedOptions> {
  const { layout, takesRecordedGroups, vipGroupsRecord } = options;
  if (vipGroupsRecord !== 'check' && !takesRecordedGroups) return options;
  const recorded = await recordedGroups(backend, layout);
  if (recorded === undefined) return options;
  if (takesRecordedGroups) {
    if (recorded.groups === undefined) throw tooLong(recorded);
    return { ...options, layout: new KeyLayout(layout.prefix, recorded.groups) };
  }
  compare(layout, recorded);
  return options;
}

/** Nothing where there is no record, or none that can be read: the user may not, no node answers. */
async function recordedGroups(
  backend: Backend,
  layout: KeyLayout,
): Promise<RecordedGroups | undefined> {
  try {
    return parse(await ask(backend, layout, ['GET']));
  } catch (error) {
    const isOver = error instanceof FeatureStoreError && error.code === 'CLOSED';
    if (isOver) throw error;
    return undefined;
  }
}

/** Writes the record with the first write of a store. */
export class GroupRecord {
  readonly #backend: Backend;
  readonly #options: ResolvedOptions;
  #isOpen: boolean;
  #declaring: Promise<void> | undefined;
  #nextAtMs = 0;
  /** The record is another store's. */
  #mismatch: FeatureStoreError | undefined;

  constructor(backend: Backend, options: ResolvedOptions) {
    this.#backend = backend;
    this.#options = options;
    this.#isOpen = this.#isWanted;
  }

  /** Whether a write has to call `declare`. */
  get isDue(): boolean {
    if (!this.#isOpen) return false;
    if (this.#mismatch) return true;
    return this.#declaring === undefined && performance.now() >= this.#nextAtMs;
  }

  /**
   * Writes the record, unless it is there. A write waits for it a moment, and a small part of its
   * time at the most; where the record cannot be written it is tried again after a second.
   * @param timeoutMs the time that the write has
   * @throws FeatureStoreError VIP_GROUPS_MISMATCH: another store has written other groups
   */
  async declare(timeoutMs: number): Promise<void> {
    if (this.#isOpen && this.#mismatch === undefined) {
      const declaring = this.#declare().finally(() => (this.#declaring = undefined));
      this.#declaring = declaring;
      await orLate(Math.max(0, Math.min(GROUP_PATIENCE_MS, timeoutMs / 4)), declaring);
    }
    if (this.#mismatch) throw this.#mismatch;
  }

  /** The record was deleted with the entities. */
  async declareAnew(): Promise<void> {
    this.#isOpen = this.#isWanted;
    await this.declare(this.#options.timeoutMs);
  }

  get #isWanted(): boolean {
    return this.#options.vipGroupsRecord !== 'ignore' && !this.#options.layout.groups.isEmpty;
  }

  /** Never rejects. */
  async #declare(): Promise<void> {
    const { layout, vipGroupsRecord } = this.#options;
    this.#nextAtMs = performance.now() + GROUP_RECORD_MS;
    try {
      const isReplacing = vipGroupsRecord === 'replace';
      const before = isReplacing ? parse(await ask(this.#backend, layout, ['GET'])) : undefined;
      if (before?.digest !== digestOf(groupsOf(layout))) {
        const text = format(layout, (before?.version ?? 0) + 1);
        const how = isReplacing ? [] : ['NX'];
        const reply = await ask(this.#backend, layout, ['SET', text, ...how]);
        // Somebody else was first.
        const there = reply === null ? parse(await ask(this.#backend, layout, ['GET'])) : undefined;
        if (there !== undefined) compare(layout, there);
      }
      this.#isOpen = false;
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error;
      if (error.code === 'VIP_GROUPS_MISMATCH') this.#mismatch = error;
      else if (!error.retryable) this.#isOpen = false; // the user may not, or it is another's key
    }
  }
}

/** One command to the record. */
async function ask(
  backend: Backend,
  layout: KeyLayout,
  command: readonly [name: string, ...words: Word[]],
): Promise<Reply> {
  const keys = new KeyTable(layout.keyPrefix);
  keys.add(GROUP_RECORD);
  const rows = new EncodedRows(new CommandWriter());
  rows.add(keys, 0, command);
  rows.endRow();
  const batch: Batch<{ readonly reply: Reply }> = {
    keys: new OneKey(keys.slotOf(0)),
    commands: rows,
    replies: { answerOf: ([reply = null]) => ({ reply }) },
  };
  const deadline = new Deadline(GROUP_RECORD_MS, backend.closing);
  try {
    const { answers, failures } = await backend.dispatch(batch, { deadline, purpose: 'control' });
    const failure = failures.get(0);
    if (failure) throw failure;
    return answers[0]?.reply ?? null;
  } finally {
    deadline.clear();
  }
}

function groupsOf({ groups }: KeyLayout): Groups {
  return Object.fromEntries(groups.names.map((name) => [name, groups.membersOf(name)]));
}

/** The same for the same members, whatever their order; a group without members has no keys. */
function digestOf(groups: Groups): string {
  const some = Object.entries(groups).filter(([, ids]) => ids.length > 0);
  const sorted = some.map(([name, ids]) => [name, [...ids].sort()] as const);
  sorted.sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
}

function format(layout: KeyLayout, version: number): string {
  const groups = groupsOf(layout);
  const head = { format: 1, version, digest: digestOf(groups) };
  const text = JSON.stringify({ ...head, groups });
  return text.length > MAX_RECORDED_BYTES ? JSON.stringify(head) : text;
}

/** Nothing where it is no record, or of a format that is not known here. */
function parse(reply: Reply): RecordedGroups | undefined {
  if (typeof reply !== 'string') return undefined;
  try {
    const parsed: unknown = JSON.parse(reply);
    if (!isRecord(parsed) || parsed['format'] !== 1) return undefined;
    const { version, digest, groups } = parsed;
    if (typeof version !== 'number' || typeof digest !== 'string') return undefined;
    return { version, digest, groups: isRecord(groups) ? (groups as Groups) : undefined };
  } catch {
    return undefined;
  }
}

function compare(layout: KeyLayout, recorded: RecordedGroups): void {
  const own = groupsOf(layout);
  if (digestOf(own) === recorded.digest) return;
  throw new FeatureStoreError(
    'VIP_GROUPS_MISMATCH',
    `The entities under '${layout.prefix}' were written with other VIP groups than this store ` +
      `has: ${shown(recorded.groups)} (record ${recorded.version}), here ${shown(own)}. Members ` +
      "would not be found. Give the writer's vipGroups, or vipGroups: 'recorded'; where the groups " +
      "have changed, load their members with vipGroupsRecord: 'replace'.",
  );
}

function shown(groups: Groups | undefined): string {
  if (groups === undefined) return 'long ones';
  const all = Object.entries(groups);
  if (all.length === 0) return 'none';
  const some = all.slice(0, SHOWN_GROUPS).map(([name, ids]) => `${showKey(name)} of ${ids.length}`);
  return all.length > SHOWN_GROUPS ? `${some.join(', ')}, …` : some.join(', ');
}

function tooLong({ version }: RecordedGroups): FeatureStoreError {
  return new FeatureStoreError(
    'VIP_GROUPS_MISMATCH',
    `Record ${version} of the VIP groups has no ids, as they are more than ${MAX_RECORDED_BYTES} ` +
      "bytes: give the writer's vipGroups in place of 'recorded'.",
  );
}
