/**
 * The rules of the user that docs/operations.md makes, after its password: `resetchannels
 * ~fs:user:* -@all +hmget …`.
 */

import { readFile } from 'node:fs/promises';

export async function leastRights(): Promise<string> {
  const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [, rules] = /^ACL SETUSER features on >SECRET (.*?)^```/ms.exec(page) ?? [];
  if (rules === undefined) throw new Error('docs/operations.md makes no such user any more');
  return rules.trim().split(/\s+/).join(' ');
}
