import { dirname, resolve } from 'node:path'
import {
  parseChanceryYaml,
  type DesiredProject,
  type DesiredState,
} from '../../config/chancery-yaml.ts'
import { checkDesired } from '../apply/check-desired.ts'
import { Executor } from '../apply/execute.ts'
import type { FieldChange } from '../apply/field-change.ts'
import { planChanges, type Change } from '../apply/plan.ts'
import { readActualState } from '../apply/state.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import type { ServerFlags } from '../flags.ts'
import { readUserFile } from '../local-files.ts'
import { printable } from '../text-table.ts'

const MAX_YAML_BYTES = 1024 * 1024
const MAX_XML_BYTES = 1_000_000
const MAX_SHOWN = 200

/** `chancery apply` */
export async function apply(
  this: CliContext,
  flags: ServerFlags & { readonly file: string; readonly dryRun?: boolean },
): Promise<void> {
  const isStandardInput = flags.file === '-'
  const text = isStandardInput
    ? await this.readStandardInput()
    : decodeUtf8(await readUserFile(flags.file, MAX_YAML_BYTES))
  const directory = isStandardInput ? '.' : dirname(flags.file)
  const name = isStandardInput ? 'standard input' : flags.file
  const desired = await readXmlFiles(parseChanceryYaml(text, name), directory)
  checkDesired(desired)
  const client = await connect(this, flags)
  const actual = await readActualState(client, desired)
  const { changes, warnings } = planChanges(desired, actual)
  for (const warning of warnings) this.output.warn(warning)
  const isDryRun = flags.dryRun ?? false
  const executor = new Executor(client, actual)
  for (const [index, change] of changes.entries()) {
    if (isDryRun) continue
    try {
      await executor.execute(change)
    } catch (thrown) {
      this.output.progress(
        `stopped at change ${index + 1} of ${changes.length}: ${headline(change)}; ` +
          'those before it are made, and applying again goes on from here',
      )
      throw thrown
    }
  }
  if (!isDryRun) adviseTokens(this, changes)
  this.output.result(flags.json, { isDryRun, changes: changes.map(toDocument), warnings }, () =>
    describe(changes, isDryRun),
  )
}

async function readXmlFiles(state: DesiredState, directory: string): Promise<DesiredState> {
  const projects: DesiredProject[] = []
  for (const project of state.projects) {
    const artifactConfigurations = []
    for (const configuration of project.artifactConfigurations) {
      const { content } = configuration
      if (content.kind !== 'file') {
        artifactConfigurations.push(configuration)
        continue
      }
      const xml = decodeUtf8(await readUserFile(resolve(directory, content.path), MAX_XML_BYTES))
      artifactConfigurations.push({ ...configuration, content: { kind: 'xml', xml } as const })
    }
    projects.push({ ...project, artifactConfigurations })
  }
  return { ...state, projects }
}

function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function adviseTokens(context: CliContext, changes: readonly Change[]): void {
  const names = changes
    .filter(({ object, action }) => object === 'user' && action === 'create')
    .map(({ name }) => name)
  if (names.length === 0) return
  context.output.progress(
    `new users have no API token; to make one: chancery users token ${printable(names[0] ?? '')}`,
  )
}

function describe(changes: readonly Change[], isDryRun: boolean): string {
  if (changes.length === 0) return 'nothing to change'
  const lines = changes.flatMap((change) => [
    `${change.action === 'create' ? '+ create' : '~ change'} ${headline(change)}`,
    ...change.fields.map((field) => `    ${describeField(field)}`),
  ])
  const count = changes.length === 1 ? '1 change' : `${changes.length} changes`
  return [...lines, isDryRun ? `${count}, none of them made` : `${count} made`].join('\n')
}

function headline({ object, name }: Change): string {
  return `${object} ${printable(name)}`
}

function describeField({ field, from, to }: FieldChange): string {
  if (from === undefined) return `${field}: ${show(to)}`
  return `${field}: ${show(from)} -> ${show(to)}`
}

function show(value: unknown): string {
  const text = printable(typeof value === 'string' ? value : JSON.stringify(value))
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text
}

function toDocument({ object, action, name, fields }: Change): object {
  return {
    object,
    action,
    name,
    fields: fields.map(({ field, from, to }) => ({ field, from: from ?? null, to })),
  }
}
