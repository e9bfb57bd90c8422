/** Declarations as TypeScript that stands in a reference: without bodies, values and comments. */

import ts from 'typescript-6';

const printer = ts.createPrinter({ removeComments: true });
const { factory } = ts;

function print(node: ts.Node, source: ts.Node): string {
  return printer.printNode(ts.EmitHint.Unspecified, node, source.getSourceFile());
}

/** `class A extends B`, `interface C`; a type alias, a function or a constant as a whole. */
export function textOfHead(
  declaration: ts.Declaration,
  bases: readonly ts.ExpressionWithTypeArguments[],
): string {
  if (ts.isVariableDeclaration(declaration)) return `const ${declaration.name.getText()}`;
  if (ts.isTypeAliasDeclaration(declaration)) {
    const { name, typeParameters, type } = declaration;
    const alias = factory.createTypeAliasDeclaration(undefined, name, typeParameters, type);
    return print(alias, declaration);
  }
  if (ts.isFunctionDeclaration(declaration)) {
    const { name, typeParameters, parameters, type } = declaration;
    const taken = parameters.map(withoutValue);
    return print(
      factory.createFunctionDeclaration(
        undefined,
        undefined,
        name,
        typeParameters,
        taken,
        type,
        undefined,
      ),
      declaration,
    );
  }
  if (!ts.isClassDeclaration(declaration) && !ts.isInterfaceDeclaration(declaration)) return '';
  const kind = ts.isClassDeclaration(declaration) ? 'class' : 'interface';
  const parameters = declaration.typeParameters?.map((node) => node.getText()).join(', ');
  const name = `${declaration.name?.text ?? ''}${parameters ? `<${parameters}>` : ''}`;
  const isImplements = (base: ts.Node): boolean =>
    ts.isHeritageClause(base.parent) && base.parent.token === ts.SyntaxKind.ImplementsKeyword;
  const list = (word: string, nodes: readonly ts.Node[]): string =>
    nodes.length > 0 ? ` ${word} ${nodes.map((node) => node.getText()).join(', ')}` : '';
  const extended = list(
    'extends',
    bases.filter((base) => !isImplements(base)),
  );
  return `${kind} ${name}${extended}${list('implements', bases.filter(isImplements))}`;
}

/** A member of a class or an interface, or a property of a constant. */
export function textOfSignature(node: ts.Declaration): string {
  if (ts.isMethodDeclaration(node) || ts.isMethodSignature(node)) {
    const signature = factory.createMethodSignature(
      undefined,
      node.name,
      node.questionToken,
      node.typeParameters,
      node.parameters.map(withoutValue),
      node.type,
    );
    return print(signature, node);
  }
  if (ts.isConstructorDeclaration(node)) {
    const parameters = node.parameters.map(withoutValue);
    return print(factory.createConstructorDeclaration(undefined, parameters, undefined), node);
  }
  const name = ts.getNameOfDeclaration(node)?.getText() ?? '';
  const mark = 'questionToken' in node && node.questionToken !== undefined ? '?' : '';
  const type = textOfType(node);
  return type === undefined ? name : `${name}${mark}: ${type}`;
}

/** What a method returns or a property is; of a property of a constant its value. */
export function textOfType(node: ts.Declaration): string | undefined {
  if (ts.isPropertyAssignment(node)) return node.initializer.getText();
  if (ts.isPropertyDeclaration(node) && !node.type) return node.initializer?.getText();
  return 'type' in node && node.type ? (node.type as ts.Node).getText() : undefined;
}

/** A parameter that has a value may be left out. */
function withoutValue(parameter: ts.ParameterDeclaration): ts.ParameterDeclaration {
  const { dotDotDotToken, name, questionToken, type, initializer } = parameter;
  const mark = initializer ? factory.createToken(ts.SyntaxKind.QuestionToken) : questionToken;
  const plain = ts.isIdentifier(name) ? name : factory.createIdentifier('options');
  return factory.createParameterDeclaration(
    undefined,
    dotDotDotToken,
    plain,
    mark,
    inferred(type, initializer),
  );
}

/** `limit = 200` has no type of its own. */
function inferred(
  type: ts.TypeNode | undefined,
  value: ts.Expression | undefined,
): ts.TypeNode | undefined {
  if (type || !value) return type;
  if (ts.isNumericLiteral(value)) {
    return factory.createKeywordTypeNode(ts.SyntaxKind.NumberKeyword);
  }
  if (ts.isStringLiteral(value)) {
    return factory.createKeywordTypeNode(ts.SyntaxKind.StringKeyword);
  }
  return factory.createKeywordTypeNode(ts.SyntaxKind.BooleanKeyword);
}
