/**
 * What MATCH of SCAN understands: `*`, `?`, `[…]` with ranges and negation, and `\` before a
 * character. For names with a character per byte.
 */
export function globPattern(glob: string): RegExp {
  const parts = glob.matchAll(/\\([^])|\[(\^?)((?:\\[^]|[^\]])*)\]|([^])/g);
  const pattern = Array.from(parts, ([, literal, negation = '', members, other = '']) => {
    if (members !== undefined) return `[${negation}${members.replace(/[[^]/g, '\\$&')}]`;
    if (literal === undefined && other === '*') return '[^]*';
    if (literal === undefined && other === '?') return '[^]';
    return (literal ?? other).replace(/[$()*+.?[\\\]^{|}/]/, '\\$&');
  });
  return new RegExp(`^${pattern.join('')}$`);
}
