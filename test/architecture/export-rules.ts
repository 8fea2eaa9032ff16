import { posix } from 'node:path'
import ts from 'typescript'
import { isTest, type SourceTree } from './source-tree.ts'

/** Stands for every name of a module: `import *`, `export *`, and an `import()` whose names cannot be told. */
const EVERYTHING = '*'

/**
 * Exported names of the program's modules that no other file imports, each as `path: name`.
 *
 * A type that another export of its module names is part of what that export looks like, and may be
 * there for readers alone. What `entryPoints` export is for other programs.
 *
 * @param tree Every file that may import, by its path from the checkout; those below `src/` are checked.
 * @param entryPoints Folders or files below `src/` that other programs import.
 */
export function findIdleExports(tree: SourceTree, entryPoints: readonly string[]): string[] {
  const sources = [...tree].map(
    ([path, text]) =>
      [path, ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true)] as const,
  )
  const imported = new Set<string>()
  for (const [path, source] of sources) {
    for (const { specifier, name } of importedNames(source)) {
      if (!specifier.startsWith('.')) continue
      imported.add(`${posix.join(posix.dirname(path), specifier)}: ${name}`)
    }
  }
  const modules = sources.filter(
    ([path]) =>
      path.startsWith('src/') &&
      !isTest(path) &&
      !entryPoints.some((one) => path.startsWith(one)) &&
      !imported.has(`${path}: ${EVERYTHING}`),
  )
  return modules.flatMap(([path, source]) =>
    exportsThatMatter(source)
      .map((name) => `${path}: ${name}`)
      .filter((one) => !imported.has(one)),
  )
}

interface ImportedName {
  readonly specifier: string
  readonly name: string
}

function importedNames(source: ts.SourceFile): ImportedName[] {
  const found: ImportedName[] = []
  const add = (specifier: ts.Expression | undefined, names: readonly string[]): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return
    for (const name of names) found.push({ specifier: specifier.text, name })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, namesOfClause(node.importClause?.namedBindings))
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, namesOfClause(node.exportClause))
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], namesOfDynamicImport(node))
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function namesOfClause(
  clause: ts.NamedImportBindings | ts.NamedExportBindings | undefined,
): readonly string[] {
  if (clause === undefined || !('elements' in clause)) return [EVERYTHING]
  return clause.elements.map(({ propertyName, name }) => (propertyName ?? name).text)
}

/** The names in `(await import('…')).name` and `const { name } = await import('…')`. */
function namesOfDynamicImport(call: ts.CallExpression): readonly string[] {
  let whole: ts.Node = call.parent
  if (ts.isAwaitExpression(whole)) whole = whole.parent
  if (ts.isParenthesizedExpression(whole)) whole = whole.parent
  if (ts.isPropertyAccessExpression(whole)) return [whole.name.text]
  if (!ts.isVariableDeclaration(whole) || !ts.isObjectBindingPattern(whole.name)) {
    return [EVERYTHING]
  }
  return whole.name.elements.map(({ propertyName, name }) => (propertyName ?? name).getText())
}

function exportsThatMatter(source: ts.SourceFile): string[] {
  const exported = source.statements.filter(
    (one) =>
      ts.canHaveModifiers(one) &&
      ts.getModifiers(one)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true,
  )
  return exported.flatMap((statement) => {
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.map(({ name }) => name.getText())
    }
    const name = (statement as ts.DeclarationStatement).name?.getText()
    if (name === undefined) return []
    const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)
    const others = exported.filter((one) => one !== statement)
    return isType && others.some((one) => mentions(one, name)) ? [] : [name]
  })
}

function mentions(node: ts.Node, name: string): boolean {
  if (ts.isIdentifier(node)) return node.text === name
  return ts.forEachChild(node, (child) => mentions(child, name) || undefined) === true
}
