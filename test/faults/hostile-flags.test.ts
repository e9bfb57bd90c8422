/**
 * VIP groups of the command line, whatever they are called: taken exactly, or refused by the flag's
 * name.
 */

import { Command, CommanderError } from 'commander';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { addConnectionFlags, type ConnectionFlags } from '../../src/cli/connection-flags.ts';
import { holds } from './hostile-seed.ts';
import { hostileText } from './hostile-text.ts';

/** What `--vip` says of each group, in the order of the arguments; nothing where it is refused. */
function groupsOf(texts: readonly string[]): Record<string, readonly string[]> | undefined {
  const command = addConnectionFlags(new Command('x'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  const args = texts.map((text) => `--vip=${text}`);
  try {
    return { ...command.parse(args, { from: 'user' }).opts<ConnectionFlags>().vip };
  } catch (error) {
    if (error instanceof CommanderError && error.message.includes('--vip')) return undefined;
    throw error;
  }
}

const names = hostileText.filter((name) => name !== '' && !name.includes('='));
const ids = hostileText.filter((id) => id !== '' && !id.includes(','));
const groups = fc.array(fc.tuple(names, fc.array(ids, { minLength: 1, maxLength: 3 })), {
  minLength: 1,
  maxLength: 3,
});

test('groups of any name are taken, and one that comes twice goes on', async () => {
  const property = fc.property(groups, (given) => {
    const expected = new Map<string, string[]>();
    for (const [name, members] of given) {
      expected.set(name, [...(expected.get(name) ?? []), ...members]);
    }
    const parsed = groupsOf(given.map(([name, members]) => `${name}=${members.join(',')}`));
    expect(new Map(Object.entries(parsed ?? {}))).toStrictEqual(expected);
  });
  await expect(holds(property, 10_000)).resolves.toBeUndefined();
});

test('what names no group, or no member, is refused', async () => {
  const texts = fc.oneof(
    hostileText.filter((text) => !/^[^=]+=.+$/s.test(text)),
    fc.tuple(names, ids).map(([name, id]) => `${name}=${id},,${id}`),
  );
  const property = fc.property(texts, (text) => {
    expect(groupsOf([text])).toBeUndefined();
  });
  await expect(holds(property, 10_000)).resolves.toBeUndefined();
});
