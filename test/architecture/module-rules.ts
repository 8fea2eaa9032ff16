import { basename } from 'node:path'
import ts from 'typescript'
import { isTest, type SourceTree } from './source-tree.ts'

const vagueWords = new Set(['utils', 'helpers', 'types', 'manager', 'managers', 'misc', 'common'])
const vagueNames = new Set(['util', 'helper', 'type'])

/** File names that are not kebab-case, or say nothing about what is in the file. */
export function findPoorNames(paths: Iterable<string>): string[] {
  return [...paths].filter((path) => {
    const name = basename(path).replace(/(\.test)?\.ts$/, '')
    const isKebabCase = /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)
    const isVague = vagueNames.has(name) || name.split('-').some((word) => vagueWords.has(word))
    return !isKebabCase || isVague
  })
}

/** Exported names without a doc comment, and default exports, each as `path: name`. */
export function findUndocumented(tree: SourceTree): string[] {
  return [...tree].flatMap(([path, text]) =>
    isTest(path) ? [] : undocumentedIn(path, text).map((name) => `${path}: ${name}`),
  )
}

function undocumentedIn(path: string, text: string): string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true)
  const exported = new Set<string>()
  const documented = new Set<string>()
  const exportedLater = new Set<string>()
  for (const statement of source.statements) {
    if (ts.isExportAssignment(statement)) exported.add('default')
    if (ts.isExportDeclaration(statement) && statement.moduleSpecifier === undefined) {
      const clause = statement.exportClause
      if (clause !== undefined && ts.isNamedExports(clause)) {
        for (const one of clause.elements) exportedLater.add((one.propertyName ?? one.name).text)
      }
    }
    if (!ts.canHaveModifiers(statement)) continue
    const modifiers = (ts.getModifiers(statement) ?? []).map(({ kind }) => kind)
    const hasComment = ts.getJSDocCommentsAndTags(statement).length > 0
    for (const name of namesOf(statement)) {
      if (hasComment) documented.add(name)
      if (modifiers.includes(ts.SyntaxKind.DefaultKeyword)) exported.add('default')
      else if (modifiers.includes(ts.SyntaxKind.ExportKeyword)) exported.add(name)
    }
  }
  return [...exported, ...exportedLater].filter((name) => !documented.has(name))
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText())
  }
  const named =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement)
  return named ? [statement.name?.text ?? 'default'] : []
}
