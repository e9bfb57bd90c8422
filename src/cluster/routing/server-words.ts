import { oneLine } from '../../errors.ts';
import { SHOWN_WORDS_CHARACTERS } from '../limits.ts';

/** Servers repeat what was sent to them: features, or the password of AUTH and HELLO. */
const ARGUMENTS = /,? with args beginning with:.*$/is;

/**
 * What a server said, or ioredis of it, as an error message quotes it: one line, and nothing that
 * was sent.
 */
export function serverWords(text: string): string {
  const said = oneLine(text.replace(ARGUMENTS, '').trimEnd());
  return said.length > SHOWN_WORDS_CHARACTERS ? `${said.slice(0, SHOWN_WORDS_CHARACTERS)}…` : said;
}

/**
 * An error quotes the bytes that it met: they may be the value of a feature, unless it is HTTP that
 * answers.
 */
export function withoutBytes(message: string): string {
  const [problem = '', quoted = ''] = message.split(/ *(?=")/, 2);
  const status = /^"(HTTP\/[\d.]+ \d{3}[\w ]*)/.exec(quoted)?.[1];
  return status === undefined ? problem : `${problem} '${status}'`;
}
