import {
  buildApplication,
  buildRouteMap,
  help,
  run,
  text_en,
  version,
  type Application,
  type PartialApplicationConfiguration,
  type RouteMap,
  type Command,
} from '@stricli/core'
import { readEnvironment, readSecrets } from '../config/environment.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { CliContext } from './context.ts'
import { Output, type TextStream } from './output.ts'
import { describeError, EXIT_BUG, EXIT_USAGE, exitCodeOf, usageError } from './report-error.ts'
import { artifactRoutes } from './routes/artifacts.ts'
import { auditRoutes } from './routes/audit.ts'
import { authorityRoutes } from './routes/authority.ts'
import { blobRoutes } from './routes/blobs.ts'
import { certificateRoutes } from './routes/certificates.ts'
import { imageRoutes } from './routes/images.ts'
import { keyRoutes } from './routes/keys.ts'
import { organizationRoutes } from './routes/organizations.ts'
import { projectRoutes } from './routes/projects.ts'
import { requestRoutes } from './routes/requests.ts'
import { sessionRoutes } from './routes/session.ts'
import { trustedRootRoutes } from './routes/trusted-root.ts'
import { userRoutes } from './routes/users.ts'
import type { CliServices } from './services.ts'
import { StandardInput } from './standard-input.ts'
import { openTerminal } from './terminal.ts'
import { VERSION } from './version.ts'

const ROOT = buildRouteMap<string, CliContext>({
  routes: {
    ...authorityRoutes,
    ...requestRoutes,
    ...imageRoutes,
    ...artifactRoutes,
    ...blobRoutes,
    ...keyRoutes,
    ...trustedRootRoutes,
    ...certificateRoutes,
    ...projectRoutes,
    ...userRoutes,
    ...auditRoutes,
    ...organizationRoutes,
    ...sessionRoutes,
  },
  docs: {
    brief: 'A signing authority for container images',
    fullDescription: `Chancery ${VERSION}: a signing authority for container images.

EXAMPLES
  chancery init --data-dir ./data --master-key-file ./chancery-master.key
  chancery serve --data-dir ./data --master-key-file ./chancery-master.key
  chancery apply -f chancery.yaml
  chancery sign registry.example.com/app:1.0 --project demo-app --signing-policy release-signing
  chancery verify --key release.pub registry.example.com/app:1.0

Each command has its own --help. Exit codes: 0 ok, 1 verification or policy said no, 2 wrong call,
3 not allowed, 4 not found, 5 conflict, 6 unavailable, 70 a bug.`,
  },
})

/**
 * Runs one command line and sets `process.exitCode`. Resolves when the command is done, whatever its outcome.
 *
 * @param argv Without the program's own name.
 */
export async function runCli(argv: readonly string[], services: CliServices): Promise<void> {
  const environment = readEnvironment()
  const style = { isJson: argv.includes('--json'), isDebug: environment.isDebug }
  const report = (thrown: unknown): string => describeError(thrown, style)
  guardStreams(report)
  const output = new Output(process.stdout, process.stderr)
  if (argv[0] === '__complete') {
    const { proposeWords } = await import('./completion.ts')
    output.raw(await proposeWords(application(argv, report, []), argv.slice(1)))
    return
  }
  for (const warning of environment.warnings) output.warn(warning)
  const state: { exitCode?: number | string | null } = {}
  const wrongArguments: unknown[] = []
  const standardInput = new StandardInput(() => process.stdin)
  const context: CliContext = {
    process: {
      stdout: plain(process.stdout),
      stderr: plain(process.stderr),
      env: {},
      get exitCode() {
        return state.exitCode ?? null
      },
      set exitCode(code) {
        state.exitCode = code
      },
    },
    output,
    environment,
    secrets: readSecrets(),
    services,
    isInteractive: process.stderr.isTTY,
    get terminal() {
      return openTerminal(process.stdin, process.stderr)
    },
    readStandardInput: () => standardInput.readText(),
    readStandardInputBytes: (maxBytes) => standardInput.readBytes(maxBytes),
  }
  await run(application(argv, report, wrongArguments), argv, context)
  if (wrongArguments.length > 0) {
    output.progress(report(usageError(wrongArguments, helpCommandOf(argv))))
  }
  process.exitCode ??= toExitCode(Number(state.exitCode))
}

function application(
  argv: readonly string[],
  report: (thrown: unknown) => string,
  wrongArguments: unknown[],
): Application<CliContext> {
  const helpCommand = helpCommandOf(argv)
  const configuration: PartialApplicationConfiguration = {
    name: 'chancery',
    scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
    documentation: { disableAnsiColor: true },
    determineExitCode: exitCodeOf,
    localization: {
      text: {
        ...text_en,
        exceptionWhileParsingArguments: (thrown) => {
          wrongArguments.push(thrown)
          return ''
        },
        exceptionWhileRunningCommand: report,
        exceptionWhileLoadingCommandFunction: report,
        exceptionWhileLoadingCommandContext: report,
        commandErrorResult: report,
        noCommandRegisteredForInput: ({ input, corrections }) =>
          report(unknownCommand(input, corrections, helpCommand)),
      },
    },
  }
  return buildApplication(ROOT, configuration, mayAskForHelp(argv) ? helpAndVersion() : {})
}

/**
 * Whether a command line may ask for help or the version, or names no command. To compare each flag of a command with
 * those two takes as long as the rest of its arguments.
 */
function mayAskForHelp(argv: readonly string[]): boolean {
  const { target } = followRoutes(argv)
  return 'getRoutingTargetForInput' in target || argv.some((word) => HELP_OR_VERSION.test(word))
}

/** Also among flags of one letter that are written together. */
const HELP_OR_VERSION = /^-[a-z]*h|^--(?:no-?)?(?:help|version)/i

function helpAndVersion(): Record<string, ReturnType<typeof help<CliContext>>> {
  return {
    help: help<CliContext>({
      brief: 'Print help',
      defaultForRouteMap: true,
      formatting: {
        useAliasInUsageLine: false,
        onlyRequiredInUsageLine: true,
        caseStyle: 'convert-camel-to-kebab',
      },
    }),
    version: version<CliContext>({
      brief: 'Print the version',
      alias: false,
      info: { currentVersion: VERSION },
    }),
  }
}

function unknownCommand(
  input: string,
  corrections: readonly string[],
  help: string,
): ChanceryError {
  const didYouMean = corrections.length > 0 ? [`Did you mean ${corrections.join(' or ')}?`] : []
  return new ChanceryError('ERR_CLI_USAGE', `there is no command "${input}"`, {
    hints: [...didYouMean, `\`${help}\` lists the commands.`],
  })
}

/** The `--help` call of the command, or group of commands, that the command line names. */
function helpCommandOf(argv: readonly string[]): string {
  return `chancery ${[...followRoutes(argv).words, '--help'].join(' ')}`
}

/** The command, or group of commands, that the command line names, and the words that lead to it. */
function followRoutes(argv: readonly string[]): {
  readonly target: RouteMap<CliContext> | Command<CliContext>
  readonly words: readonly string[]
} {
  const words: string[] = []
  let target: RouteMap<CliContext> | Command<CliContext> = ROOT
  for (const word of argv) {
    const next: RouteMap<CliContext> | Command<CliContext> | undefined =
      'getRoutingTargetForInput' in target ? target.getRoutingTargetForInput(word) : undefined
    if (next === undefined) break
    target = next
    words.push(word)
  }
  return { target, words }
}

/** The framework's own outcomes are negative numbers. */
function toExitCode(code: number): number {
  if (code >= 0) return code
  const isWrongCall = code === -4 || code === -5
  return isWrongCall ? EXIT_USAGE : EXIT_BUG
}

/** A stream without colours and empty lines: what a command says is read by people and programs alike. */
function plain(stream: TextStream): { write: (text: string) => void } {
  return {
    write: (text) => {
      if (text !== '\n') stream.write(text)
    },
  }
}

/** A reader that went away ends the command quietly; a disk that is full does not. */
function guardStreams(report: (thrown: unknown) => string): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    const failure = new ChanceryError('ERR_CLI_OUTPUT', 'expected to be able to write to stdout', {
      cause: error,
    })
    process.exitCode = failure.exitCode
    process.stderr.write(`${report(failure)}\n`)
  })
  process.stderr.on('error', () => undefined)
}
