/**
 * `npm run build`: writes what is published to dist/, or to the directory given as the argument. Types are erased, not
 * checked: that is `npm run check`.
 *
 * - The program as CommonJS, in one file for what every command needs, one for what verifies and one more for each command:
 *   it starts twice as fast as from single modules (docs/adr).
 * - `public/`, which other programs import, as modules with their types.
 *
 * What comes from packages stays in their packages, but for what is copied with its licence (docs/adr, 12).
 */
import { globSync } from 'node:fs'
import { copyFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown, type CodeSplittingGroup, type InputOptions, type OutputOptions } from 'rolldown'
import ts from 'typescript'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = join(root, 'src')
const target = resolve(process.argv[2] ?? join(root, 'dist'))

/** Some 690 modules, of which each takes a start's time and a server's memory; as part of the program they are one. */
const COPIED = 'typebox'

await rm(target, { recursive: true, force: true })
await bundle(
  // Threads are files of their own; their starters look for them under these names beside themselves.
  {
    main: join(source, 'main.ts'),
    'writer-thread': join(source, 'db/writer-thread.ts'),
    'checkpoint-thread': join(source, 'db/checkpoint-thread.ts'),
    'examination-thread': join(source, 'signing/examination-thread.ts'),
  },
  {
    dir: target,
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
    // To load a file takes time, whatever its size. Each of these, with all that they import and none before has taken, goes
    // into one; else rolldown makes a file for each set of commands that share something.
    codeSplitting: {
      groups: [
        groupOf('errors', 'errors/chancery-error'),
        groupOf(
          'common',
          'format/canonical-json',
          'format/json',
          'crypto/digest',
          'cli/local-files',
        ),
        groupOf('cli', 'cli/cli'),
        groupOf('verify-blob', 'cli/commands/verify-blob'),
        groupOf('registry', 'cli/registry-access'),
      ],
    },
  },
)
await bundle(
  { verify: join(source, 'public/verify.ts') },
  { dir: join(target, 'public'), format: 'es', entryFileNames: '[name].js' },
)
await copyFile(join(root, 'node_modules', COPIED, 'license'), join(target, `${COPIED}.license`))
writeTypes(globSync(join(source, 'public/*.ts')))

/** @param paths Of modules, below src/. */
function groupOf(name: string, ...paths: readonly string[]): CodeSplittingGroup {
  const modules = paths.map((path) => join(source, `${path}.ts`))
  return { name, test: (id) => modules.includes(id) }
}

async function bundle(input: InputOptions['input'], output: OutputOptions): Promise<void> {
  const bundled = await rolldown({
    ...(input === undefined ? {} : { input }),
    platform: 'node',
    external: (specifier) => !/^[./]/.test(specifier) && specifier.split('/')[0] !== COPIED,
    onLog: (_level, { message }) => {
      throw new Error(message)
    },
  })
  await bundled.write({ ...output, comments: { legal: true, annotation: false, jsdoc: false } })
}

function writeTypes(files: readonly string[]): void {
  const program = ts.createProgram(files, {
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
  for (const { messageText } of program.emit().diagnostics) {
    throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'))
  }
}
