/**
 * `npm run build`: writes src/ without its tests as JavaScript to dist/, or to the directory given
 * as the argument, and beside it the types of what other programs import. Types are erased, not
 * checked: that is `npm run check`.
 */
import { globSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = join(root, 'src')
const target = resolve(process.argv[2] ?? join(root, 'dist'))

await rm(target, { recursive: true, force: true })
for (const path of globSync('**/*.ts', { cwd: source })) {
  if (path.endsWith('.test.ts')) continue
  const { outputText, diagnostics } = ts.transpileModule(
    await readFile(join(source, path), 'utf8'),
    {
      fileName: path,
      reportDiagnostics: true,
      compilerOptions: {
        target: ts.ScriptTarget.ES2024,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
        erasableSyntaxOnly: true,
      },
    },
  )
  for (const diagnostic of diagnostics ?? []) {
    const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')
    throw new Error(`${relative(root, join(source, path))}: ${message}`)
  }
  const output = join(target, path.replace(/\.ts$/, '.js'))
  await mkdir(dirname(output), { recursive: true })
  await writeFile(output, outputText)
}

const program = ts.createProgram(globSync(join(source, 'public/*.ts')), {
  rootDir: source,
  outDir: target,
  declaration: true,
  emitDeclarationOnly: true,
  target: ts.ScriptTarget.ES2024,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  typeRoots: [join(root, 'node_modules/@types')],
  strict: true,
  skipLibCheck: true,
  rewriteRelativeImportExtensions: true,
})
const { diagnostics: declared } = program.emit()
for (const { messageText } of declared) {
  throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'))
}
