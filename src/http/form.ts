import type { Static, TObject } from 'typebox'
import type { ArtifactFile } from '../signing/signing-service.ts'
import { textBinder, type JsonSchema } from './binding.ts'
import { FieldErrors } from './field-errors.ts'
import { decodeField, type FormPart } from './multipart.ts'

/** What a form route reads, by names that any client may write in any case. */
export interface FormContract<Fields extends TObject> {
  /** The fields; nested names are written with dots, as they come: `origin.repositoryData.url`. */
  readonly fields: Fields
  /** The file parts. */
  readonly files: Readonly<Record<string, 'required' | 'optional'>>
  /** Whether `parameters.<name>` and `parameters[<name>]` are read. */
  readonly hasParameters: boolean
}

/** A form as a route sees it. */
export interface BoundForm<Fields> {
  readonly fields: Fields
  /** By the contract's names. */
  readonly files: ReadonlyMap<string, ArtifactFile>
  /** Names as the client wrote them: they are case-sensitive. */
  readonly parameters: Readonly<Record<string, string>>
}

const PARAMETER = /^parameters(?:\.(.+)|\[(.+)\])$/is

/**
 * Prepares the reading of forms by a contract.
 *
 * The binder refuses parts given twice (names that differ only in case are the same part), unknown parts, files where
 * a field is expected and fields where a file is.
 * @throws ChanceryError ERR_HTTP_INVALID from the binder, with a message for each part.
 */
export function formBinder<Fields extends TObject>(
  contract: FormContract<Fields>,
): (parts: readonly FormPart[]) => BoundForm<Static<Fields>> {
  const bindFields = textBinder(contract.fields)
  const fileNames = new Map(Object.keys(contract.files).map((name) => [name.toLowerCase(), name]))
  const fieldNames = new Map(
    Object.keys((contract.fields as JsonSchema).properties ?? {}).map((name) => [
      name.toLowerCase(),
      name,
    ]),
  )
  return (parts) => {
    const errors = new FieldErrors()
    const fields: Record<string, string> = {}
    const files = new Map<string, ArtifactFile>()
    const parameters = new Map<string, string>()
    for (const part of parts) {
      const parameter = contract.hasParameters ? parameterName(part.name) : undefined
      const fileName = fileNames.get(part.name.toLowerCase())
      if (fileName !== undefined) readFile(part, fileName, files, errors)
      else if (part.fileName !== null)
        errors.add(shown(part.name), 'expected no file part of this name')
      else if (parameter !== undefined) readParameter(part, parameter, parameters, errors)
      else readField(part, fieldNames, fields, errors)
    }
    for (const [name, need] of Object.entries(contract.files)) {
      if (need === 'required' && !files.has(name))
        errors.addFirst(name, 'expected a file part, found none')
    }
    errors.throwIfAny()
    return { fields: bindFields(fields), files, parameters: Object.fromEntries(parameters) }
  }
}

function parameterName(name: string): string | undefined {
  const match = PARAMETER.exec(name)
  return match?.[1] ?? match?.[2]
}

function readFile(
  part: FormPart,
  name: string,
  files: Map<string, ArtifactFile>,
  errors: FieldErrors,
): void {
  if (part.fileName === null) {
    errors.add(name, 'expected a file part with a file name, found a field')
  } else if (files.has(name)) {
    errors.addFirst(name, 'expected it once, found it twice')
  } else {
    files.set(name, { fileName: part.fileName, bytes: part.bytes })
  }
}

function readParameter(
  part: FormPart,
  name: string,
  parameters: Map<string, string>,
  errors: FieldErrors,
): void {
  if (parameters.has(name)) errors.addFirst(shown(part.name), 'expected it once, found it twice')
  else parameters.set(name, decodeField(part))
}

function readField(
  part: FormPart,
  names: ReadonlyMap<string, string>,
  fields: Record<string, string>,
  errors: FieldErrors,
): void {
  const name = names.get(part.name.toLowerCase())
  if (name === undefined) {
    errors.addFirst(shown(part.name), `expected one of ${Array.from(names.values()).join(', ')}`)
  } else if (Object.hasOwn(fields, name)) {
    errors.addFirst(name, 'expected it once, found it twice')
  } else {
    fields[name] = decodeField(part)
  }
}

/** An unknown name is the client's own text: it is shown back, but not at any length. */
function shown(name: string): string {
  return name.slice(0, 100)
}
