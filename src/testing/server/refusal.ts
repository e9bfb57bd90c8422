/** What a server refuses a command with: `ERR …`, `WRONGTYPE …`. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

export const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';
export const SYNTAX = 'ERR syntax error';
export const NO_INTEGER = 'ERR value is not an integer or out of range';
