import * as fc from 'fast-check';

/** A character of 1, 2, 3 or 4 UTF-8 bytes; never half a surrogate pair. */
const character: fc.Arbitrary<string> = fc
  .oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0x80, max: 0x7ff }),
    fc.integer({ min: 0x800, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0xffff }),
    fc.integer({ min: 0x1_0000, max: 0x10_ffff }),
  )
  .map((codePoint) => String.fromCodePoint(codePoint));

/** Any well-formed text, control characters and the empty one included. */
export const anyText: fc.Arbitrary<string> = fc.string({ unit: character });

/** Any well-formed text without `{` and `}`. */
export const textWithoutBraces: fc.Arbitrary<string> = anyText.map((text) =>
  text.replaceAll(/[{}]/g, ''),
);
