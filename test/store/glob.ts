/**
 * Whether Redis's glob matches: `*`, `?`, `[…]` with ranges and negation, and `\` before a
 * character.
 */
export function globMatches(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  if (pattern.startsWith('*')) {
    const rest = pattern.slice(1);
    for (let from = 0; from <= text.length; from++) {
      if (globMatches(rest, text.slice(from))) return true;
    }
    return false;
  }
  if (text === '') return false;
  const set = /^\[(\^?)((?:\\.|[^\]])*)\]/.exec(pattern);
  if (set) {
    const [whole, negated, members = ''] = set;
    const matched = setHolds(members, text.charAt(0)) !== (negated === '^');
    return matched && globMatches(pattern.slice(whole.length), text.slice(1));
  }
  const escaped = pattern.startsWith('\\') && pattern.length > 1;
  const literal = pattern.charAt(escaped ? 1 : 0);
  const matched = literal === text.charAt(0) || (literal === '?' && !escaped);
  return matched && globMatches(pattern.slice(escaped ? 2 : 1), text.slice(1));
}

function setHolds(members: string, character: string): boolean {
  for (const [, first = '', last = first] of members.matchAll(/\\?([^])(?:-([^]))?/g)) {
    if (first <= character && character <= last) return true;
  }
  return false;
}
