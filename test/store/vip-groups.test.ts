import { expect, test } from 'vitest';
import { checkId } from '../../src/store/key-layout.ts';
import { VipGroups } from '../../src/store/vip-groups.ts';
import { MAX_GROUP_MEMBERS } from '../../src/store/limits.ts';
import { refusalOf } from './refusal.ts';

const groupsOf = (groups: Record<string, unknown>): VipGroups =>
  new VipGroups(groups as Record<string, string[]>, checkId);

test('a group has its members in the order they were given', () => {
  const groups = groupsOf({ vip: ['b', 'a'], top: ['c'], none: [] });
  expect(groups.names).toStrictEqual(['vip', 'top', 'none']);
  expect(groups.membersOf('vip')).toStrictEqual(['b', 'a']);
  expect(groups.membersOf('none')).toStrictEqual([]);
  expect(['a', 'b', 'c', 'd'].map((id) => groups.groupOf(id))).toStrictEqual([
    'vip',
    'vip',
    'top',
    undefined,
  ]);
});

test('members are a copy that nobody changes', () => {
  const ids = ['a'];
  const groups = groupsOf({ vip: ids });
  ids.push('b');
  expect(groups.membersOf('vip')).toStrictEqual(['a']);
  expect(groups.groupOf('b')).toBeUndefined();
  expect(Object.isFrozen(groups.membersOf('vip'))).toBe(true);
});

test('a name that was not declared is refused, with those that were', () => {
  const error = refusalOf(() => groupsOf({ vip: ['a'], top: ['b'] }).membersOf('pro'));
  expect(error.code).toBe('UNKNOWN_VIP_GROUP');
  expect(error.message).toContain("'pro' is not among vipGroups; declared are: vip, top.");
  expect(refusalOf(() => groupsOf({}).membersOf('pro')).message).toContain('declared are: none');
});

test.each(['constructor', '__proto__', 'toString'])(
  '%s is a name, and no group by itself',
  (name) => {
    expect(refusalOf(() => groupsOf({}).membersOf(name)).code).toBe('UNKNOWN_VIP_GROUP');
    expect(groupsOf({}).groupOf(name)).toBeUndefined();
    const declared = groupsOf(Object.fromEntries([[name, [name]]]));
    expect(declared.membersOf(name)).toStrictEqual([name]);
    expect(declared.groupOf(name)).toBe(name);
  },
);

test.each([
  [{ vip: ['a', 'b', 'a'] }, "Id 'a' is twice in vipGroups.vip"],
  [{ vip: ['a'], top: ['b', 'a'] }, "Id 'a' is in vipGroups.vip and in vipGroups.top"],
  [{ 'v{i}p': [] }, 'vipGroups.v{i}p has braces in its name'],
  [{ 'v}': [] }, 'vipGroups.v} has braces in its name'],
  [{ '': [] }, 'a group without a name'],
  [{ 'v\uD800': [] }, 'not well-formed'],
  [{ vip: 'u1' }, "vipGroups.vip must be an array of ids, but is 'u1'"],
  [{ vip: new Set(['u1']) }, 'vipGroups.vip must be an array of ids'],
])('%j is refused', (groups, message) => {
  const error = refusalOf(() => groupsOf(groups));
  expect(error.code).toBe('INVALID_OPTION');
  expect(error.message).toContain(message);
});

test('a group has as many members as the limit says, and not one more', () => {
  const ids = Array.from({ length: MAX_GROUP_MEMBERS }, (_, index) => `u${index}`);
  expect(groupsOf({ vip: ids }).membersOf('vip')).toHaveLength(MAX_GROUP_MEMBERS);
  const error = refusalOf(() => groupsOf({ vip: [...ids, 'more'] }));
  expect(error.code).toBe('INVALID_OPTION');
  expect(error.message).toContain(
    `vipGroups.vip has ${MAX_GROUP_MEMBERS + 1} members; the limit is ${MAX_GROUP_MEMBERS}`,
  );
});

test.each([[''], ['a{b}'], [undefined]])('the member %j is no id', (id) => {
  expect(refusalOf(() => groupsOf({ vip: [id] })).code).toBe('INVALID_ID');
});
