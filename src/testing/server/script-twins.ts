/**
 * Lua scripts, each by a function that does the same: servers in memory know no Lua. A script runs
 * as a whole, as on a server, since nothing else runs meanwhile. The contract tests hold the twins
 * to their scripts: they run on real servers and in memory alike.
 */

import { createHash } from 'node:crypto';
import type { Bytes, ServerReply } from './bytes.ts';

/** A word that a script gives to `call`. */
export type ScriptWord = Bytes | string | number;

/** What a script has of the server. */
export interface ScriptServer {
  /**
   * `redis.call`. A string comes as bytes, and nil as null.
   * @throws Refusal: an error that ends the script, and is its reply
   */
  call(words: readonly ScriptWord[]): ServerReply;
}

export type ScriptTwin = (
  redis: ScriptServer,
  keys: readonly Bytes[],
  argv: readonly Bytes[],
) => ServerReply;

export class ScriptTwins {
  readonly #bySha = new Map<string, ScriptTwin>();

  /** @param script the text, as EVAL or SCRIPT LOAD gets it */
  add(script: string, twin: ScriptTwin): this {
    this.#bySha.set(shaOf(Buffer.from(script)), twin);
    return this;
  }

  find(sha: string): ScriptTwin | undefined {
    return this.#bySha.get(sha);
  }
}

/** As servers name a script. */
export function shaOf(script: Bytes): string {
  return createHash('sha1').update(script).digest('hex');
}
