/** A docstring in its parts, as TSDoc reads it (https://tsdoc.org). */

import {
  DocBlock,
  DocCodeSpan,
  DocErrorText,
  DocEscapedText,
  DocFencedCode,
  DocLinkTag,
  DocPlainText,
  DocSoftBreak,
  TSDocConfiguration,
  TSDocParser,
  TSDocTagDefinition,
  TSDocTagSyntaxKind,
  type DocNode,
} from '@microsoft/tsdoc';

/** Each text is Markdown. */
export interface Docstring {
  readonly text: string;
  readonly params: readonly { readonly name: string; readonly text: string }[];
  readonly returns: string | undefined;
  /** One for each `@throws`: the class of the error, its codes, when. */
  readonly throws: readonly string[];
  /** What `@default` says: a value in backticks, or words. */
  readonly defaultValue: string | undefined;
  readonly examples: readonly string[];
  /** What is not well-formed TSDoc in it. */
  readonly faults: readonly string[];
}

export const NO_DOCSTRING: Docstring = {
  text: '',
  params: [],
  returns: undefined,
  throws: [],
  defaultValue: undefined,
  examples: [],
  faults: [],
};

const configuration = new TSDocConfiguration();
// TSDoc's own tag is `@defaultValue`; editors know both.
configuration.addTagDefinition(
  new TSDocTagDefinition({ tagName: '@default', syntaxKind: TSDocTagSyntaxKind.BlockTag }),
);
const parser = new TSDocParser(configuration);

/** @param comment with its slashes and stars */
export function parseDocstring(comment: string): Docstring {
  const { docComment, log } = parser.parseString(comment);
  const { summarySection, remarksBlock, params, returnsBlock, customBlocks } = docComment;
  const blocks = (tagName: string): string[] =>
    customBlocks.filter(({ blockTag }) => blockTag.tagName === tagName).map(textOf);
  const remarks = remarksBlock ? `\n\n${textOf(remarksBlock)}` : '';
  return {
    text: `${textOf(summarySection)}${remarks}`,
    params: params.blocks.map((block) => ({ name: block.parameterName, text: textOf(block) })),
    returns: returnsBlock && textOf(returnsBlock),
    throws: blocks('@throws'),
    defaultValue: blocks('@default')[0],
    examples: blocks('@example'),
    faults: log.messages.map(({ text }) => text),
  };
}

function textOf(node: DocNode): string {
  const content = node instanceof DocBlock ? node.content : node;
  return markdownOf(content)
    .replaceAll(/ +\n/g, '\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
}

function markdownOf(node: DocNode): string {
  if (node instanceof DocPlainText) return node.text;
  if (node instanceof DocSoftBreak) return '\n';
  if (node instanceof DocCodeSpan) return `\`${node.code}\``;
  if (node instanceof DocFencedCode) return `\n\`\`\`${node.language}\n${node.code}\`\`\`\n`;
  if (node instanceof DocEscapedText) return node.decodedText;
  if (node instanceof DocErrorText) return node.text;
  if (node instanceof DocLinkTag) return linkOf(node);
  const inner = node.getChildNodes().map(markdownOf).join('');
  return node.kind === 'Paragraph' ? `${inner}\n\n` : inner;
}

function linkOf({ urlDestination, linkText }: DocLinkTag): string {
  return urlDestination === undefined
    ? (linkText ?? '')
    : `[${linkText ?? urlDestination}](${urlDestination})`;
}
