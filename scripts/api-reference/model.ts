/** The public names of the package with their members and docstrings, read from the source. */

import { join } from 'node:path';
import ts from 'typescript-6';
import { NO_DOCSTRING, parseDocstring, type Docstring } from './docstring.ts';
import { textOfSignature, textOfHead, textOfType } from './signature.ts';

export interface ApiGroup {
  readonly title: string;
  readonly symbols: readonly ApiSymbol[];
}

export interface ApiSymbol {
  readonly name: string;
  readonly kind: 'class' | 'interface' | 'type' | 'function' | 'constant';
  /** Whether code can only name it as a type. */
  readonly isTypeOnly: boolean;
  readonly signature: string;
  readonly docstring: Docstring;
  readonly members: readonly ApiMember[];
  /** Names of this reference in the signature, and whose members the symbol has too. */
  readonly named: readonly string[];
}

export interface ApiMember {
  readonly name: string;
  readonly kind: 'constructor' | 'method' | 'property';
  readonly isStatic: boolean;
  readonly isOptional: boolean;
  /** One; of a method one for each overload. */
  readonly signatures: readonly string[];
  /** What a method returns, or a property is. */
  readonly type: string;
  readonly docstring: Docstring;
  /** Names of this reference in the signatures. */
  readonly named: readonly string[];
  /** What is taken where a parameter is not given; only numbers, as objects stand for none. */
  readonly parameterDefaults: Readonly<Record<string, string>>;
}

/** The title of what signatures name, and the package does not export. */
export const NOT_EXPORTED = 'Named above, and not exported';

/** @param root of the repository */
export function readApi(root: string): ApiGroup[] {
  return new Reader(root).groups();
}

type Declared = ts.ClassDeclaration | ts.InterfaceDeclaration;
type Declaration =
  | Declared
  | ts.TypeAliasDeclaration
  | ts.FunctionDeclaration
  | ts.VariableDeclaration;

/** What the package can be imported by, each with groups of its own. */
const ENTRY_POINTS = ['src/index.ts', 'src/testing/index.ts'] as const;

class Reader {
  readonly #root: string;
  readonly #checker: ts.TypeChecker;
  readonly #indexes: readonly ts.SourceFile[];
  readonly #exported = new Set<ts.Symbol>();
  /** What signatures name, and is in src, but not exported. */
  readonly #others = new Set<ts.Symbol>();

  constructor(root: string) {
    this.#root = root;
    const files = ENTRY_POINTS.map((path) => join(root, path));
    const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) =>
      ts.sys.readFile(path),
    );
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
    const program = ts.createProgram(files, { ...options, noEmit: true });
    this.#indexes = files.map((file) => {
      const index = program.getSourceFile(file);
      if (index === undefined) throw new Error(`${file} cannot be read`);
      return index;
    });
    this.#checker = program.getTypeChecker();
  }

  groups(): ApiGroup[] {
    const specifiers: { title: string; specifier: ts.ExportSpecifier; isType: boolean }[] = [];
    let title = '';
    for (const statement of this.#indexes.flatMap(({ statements }) => [...statements])) {
      title = this.#titleBefore(statement) ?? title;
      if (!ts.isExportDeclaration(statement) || !statement.exportClause) continue;
      if (!ts.isNamedExports(statement.exportClause)) throw new Error('export * has no names');
      for (const specifier of statement.exportClause.elements) {
        specifiers.push({ title, specifier, isType: statement.isTypeOnly || specifier.isTypeOnly });
        this.#exported.add(this.#symbolAt(specifier.name));
      }
    }
    const groups = new Map<string, ApiSymbol[]>();
    for (const { title: group, specifier, isType } of specifiers) {
      const symbols = groups.get(group) ?? [];
      groups.set(group, symbols);
      symbols.push(this.#symbol(this.#symbolAt(specifier.name), isType));
    }
    // A set that grows meanwhile: what they name comes too.
    const others: ApiSymbol[] = [];
    for (const symbol of this.#others) others.push(this.#symbol(symbol, true));
    if (others.length > 0) groups.set(NOT_EXPORTED, others);
    return [...groups].map(([name, symbols]) => ({ title: name, symbols }));
  }

  /** A line comment before an export starts a group. */
  #titleBefore(statement: ts.Statement): string | undefined {
    const { text } = statement.getSourceFile();
    const ranges = ts.getLeadingCommentRanges(text, statement.pos) ?? [];
    const line = ranges.findLast(({ kind }) => kind === ts.SyntaxKind.SingleLineCommentTrivia);
    return line && text.slice(line.pos, line.end).replace(/^\/\/\s*/, '');
  }

  #symbolAt(node: ts.Node): ts.Symbol {
    const symbol = this.#checker.getSymbolAtLocation(node);
    if (symbol === undefined) throw new Error(`${node.getText()} is no symbol`);
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }

  #symbol(symbol: ts.Symbol, isTypeOnly: boolean): ApiSymbol {
    const declaration = symbol.declarations?.find(isDeclaration);
    if (declaration === undefined) throw new Error(`${symbol.name} is declared in no known way`);
    const bases = isDeclared(declaration) ? this.#publicBases(declaration) : [];
    const members = this.#members(symbol, declaration, isTypeOnly);
    return {
      name: symbol.name,
      kind: kindOf(declaration),
      isTypeOnly,
      signature: textOfHead(declaration, bases),
      docstring: docstringOf(declaration),
      members,
      named: this.#named(isDeclared(declaration) ? bases : typesOf(declaration), symbol),
    };
  }

  /** What a class or interface extends; the base of a base that is not exported in its place. */
  #publicBases(declaration: Declared): ts.ExpressionWithTypeArguments[] {
    const clauses = declaration.heritageClauses ?? [];
    return clauses.flatMap(({ types }) =>
      types.flatMap((type) => {
        const [own, base] = [this.#symbolAt(type.expression), this.#ownBase(type)];
        if (base === undefined || this.#exported.has(own)) return [type];
        return this.#publicBases(base);
      }),
    );
  }

  /** The declaration in src of what is extended, also inside of `Readonly<…>`. */
  #ownBase(type: ts.ExpressionWithTypeArguments): Declared | undefined {
    const symbols = [type.expression, ...(type.typeArguments ?? [])].map((node) =>
      this.#symbolAt(ts.isTypeReferenceNode(node) ? node.typeName : node),
    );
    const declared = symbols.flatMap(({ declarations = [] }) => declarations);
    return declared.filter(isDeclared).find((declaration) => this.#isOurs(declaration));
  }

  #members(symbol: ts.Symbol, declaration: Declaration, isTypeOnly: boolean): ApiMember[] {
    const isConstant = ts.isVariableDeclaration(declaration);
    if (!isConstant && !isDeclared(declaration)) return [];
    const type = isConstant
      ? this.#checker.getTypeAtLocation(declaration)
      : this.#checker.getDeclaredTypeOfSymbol(symbol);
    const statics = ts.isClassDeclaration(declaration)
      ? this.#checker.getTypeOfSymbol(symbol).getProperties()
      : [];
    const members = [...statics, ...type.getProperties()].flatMap((property) => {
      const declarations = (property.declarations ?? []).filter((node) => this.#isOurs(node));
      const [first] = declarations;
      if (first === undefined || !isPublic(first) || this.#isOfPublicBase(first, symbol)) return [];
      return [this.#member(property, declarations)];
    });
    const constructor = ts.isClassDeclaration(declaration)
      ? declaration.members.find(ts.isConstructorDeclaration)
      : undefined;
    if (constructor === undefined || isTypeOnly || !isPublic(constructor)) return members;
    return [this.#memberOf('constructor', [constructor]), ...members];
  }

  #isOurs(node: ts.Node): boolean {
    return node.getSourceFile().fileName.startsWith(join(this.#root, 'src/'));
  }

  #isOfPublicBase(member: ts.Declaration, symbol: ts.Symbol): boolean {
    const owner = isDeclared(member.parent) && member.parent.name;
    if (!owner) return false;
    const base = this.#symbolAt(owner);
    return base !== symbol && this.#exported.has(base);
  }

  #member(property: ts.Symbol, declarations: readonly ts.Declaration[]): ApiMember {
    const name = ts.getNameOfDeclaration(declarations[0])?.getText() ?? property.name;
    return this.#memberOf(name, declarations);
  }

  #memberOf(name: string, declarations: readonly ts.Declaration[]): ApiMember {
    // The implementation of overloads is not public.
    const overloads = declarations.filter((node) => !('body' in node) || node.body === undefined);
    const shown = overloads.length > 0 ? overloads : declarations.slice(0, 1);
    const [first] = shown;
    if (first === undefined) throw new Error(`${name} is not declared`);
    const docstrings = declarations.map(docstringOf);
    const docstring = docstrings.find(({ text }) => text !== '') ?? NO_DOCSTRING;
    const isMethod = ts.isMethodDeclaration(first) || ts.isMethodSignature(first);
    const isConstructor = ts.isConstructorDeclaration(first);
    const typeNodes = shown.flatMap(typeNodesOf);
    return {
      name,
      kind: isConstructor ? 'constructor' : isMethod ? 'method' : 'property',
      isStatic: modifiersOf(first).includes(ts.SyntaxKind.StaticKeyword),
      isOptional: 'questionToken' in first && first.questionToken !== undefined,
      signatures: shown.map(textOfSignature),
      type: textOfType(first) ?? this.#checker.typeToString(this.#checker.getTypeAtLocation(first)),
      docstring,
      named: this.#named(typeNodes),
      parameterDefaults: parameterDefaultsOf(first),
    };
  }

  /** Names of our types in the nodes, each once. Notes those that are not exported. */
  #named(nodes: readonly ts.Node[], besides?: ts.Symbol): string[] {
    const names = new Set<string>();
    const visit = (node: ts.Node): void => {
      if (ts.isTypeReferenceNode(node)) this.#note(this.#symbolAt(node.typeName), besides, names);
      if (ts.isExpressionWithTypeArguments(node)) {
        this.#note(this.#symbolAt(node.expression), besides, names);
      }
      ts.forEachChild(node, visit);
    };
    nodes.forEach(visit);
    return [...names];
  }

  #note(symbol: ts.Symbol, besides: ts.Symbol | undefined, names: Set<string>): void {
    const declaration = symbol.declarations?.find(isDeclaration);
    if (symbol === besides || declaration === undefined || !this.#isOurs(declaration)) return;
    if (!this.#exported.has(symbol)) this.#others.add(symbol);
    names.add(symbol.name);
  }
}

function isDeclared(node: ts.Node): node is Declared {
  return ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node);
}

function isDeclaration(node: ts.Node): node is Declaration {
  if (isDeclared(node) || ts.isFunctionDeclaration(node)) return true;
  return ts.isTypeAliasDeclaration(node) || ts.isVariableDeclaration(node);
}

function kindOf(declaration: Declaration): ApiSymbol['kind'] {
  if (ts.isClassDeclaration(declaration)) return 'class';
  if (ts.isInterfaceDeclaration(declaration)) return 'interface';
  if (ts.isFunctionDeclaration(declaration)) return 'function';
  return ts.isTypeAliasDeclaration(declaration) ? 'type' : 'constant';
}

function modifiersOf(node: ts.Node): ts.SyntaxKind[] {
  return ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []).map(({ kind }) => kind) : [];
}

function isPublic(node: ts.Declaration): boolean {
  const name = ts.getNameOfDeclaration(node);
  if (name && ts.isPrivateIdentifier(name)) return false;
  const modifiers = modifiersOf(node);
  const hidden = [ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.ProtectedKeyword];
  return !hidden.some((kind) => modifiers.includes(kind));
}

/** Of a function its signature alone. */
function typesOf(declaration: Declaration): ts.Node[] {
  return ts.isFunctionDeclaration(declaration) ? typeNodesOf(declaration) : [declaration];
}

/** The parts of a declaration that are types: not its body, nor its value. */
function typeNodesOf(node: ts.Declaration): ts.Node[] {
  if (!ts.isFunctionLike(node)) return 'type' in node && node.type ? [node.type as ts.Node] : [];
  const parameters = node.parameters.flatMap(({ type }) => type ?? []);
  return [...(node.typeParameters ?? []), ...parameters, ...(node.type ? [node.type] : [])];
}

function parameterDefaultsOf(node: ts.Declaration): Record<string, string> {
  if (!ts.isFunctionLike(node)) return {};
  const literals = node.parameters.flatMap(({ name, initializer }) =>
    initializer && ts.isNumericLiteral(initializer)
      ? [[name.getText(), initializer.getText()] as const]
      : [],
  );
  return Object.fromEntries(literals);
}

function docstringOf(declaration: ts.Declaration): Docstring {
  const isVariable = ts.isVariableDeclaration(declaration);
  const node = isVariable ? declaration.parent.parent : declaration;
  const { text } = node.getSourceFile();
  const ranges = ts.getLeadingCommentRanges(text, node.pos) ?? [];
  const comments = ranges.map(({ pos, end }) => text.slice(pos, end));
  const docstring = comments.findLast((comment) => comment.startsWith('/**'));
  return docstring === undefined ? NO_DOCSTRING : parseDocstring(docstring);
}
