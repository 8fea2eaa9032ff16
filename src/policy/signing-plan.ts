import assert from 'node:assert/strict'
import { ChanceryError } from '../errors/chancery-error.ts'
import { matchesGlob } from '../format/glob.ts'
import { parseZipPath, ZipPaths } from '../format/zip-path.ts'
import { readZip, type ZipArchive, type ZipEntry, type ZipLimits } from '../format/zip-reader.ts'
import { extendZip, writeZip } from '../format/zip-writer.ts'
import type {
  ArtifactConfigurationModel,
  RawSignatureDirective,
  ZipFileElement,
} from './artifact-configuration.ts'
import { matchArtifact } from './artifact-matching.ts'
import { ArtifactTree, parentOf } from './artifact-tree.ts'
import {
  FILE_NAME_REFERENCE,
  HASH_ALGORITHM,
  OUTPUT_FILE_NAME,
  ROOT_PATH,
  RSA_PADDING,
  isPlainFileName,
  resolveAttribute,
} from './configuration-attribute.ts'
import { shorten } from './configuration-xml.ts'
import { resolveParameters } from './parameters.ts'

/** What was submitted. untrusted: names and bytes are the submitter's. */
export type ArtifactInput =
  | {
      /** A file as it was uploaded: a ZIP archive. */
      readonly kind: 'file'
      readonly fileName: string
      readonly bytes: Uint8Array
    }
  | {
      /** One bare file, planned as if it had come alone in a ZIP archive of the name `<path>.zip`. */
      readonly kind: 'entry'
      /** A file name without directories. */
      readonly path: string
      readonly bytes: Uint8Array
    }

/** One signature to make. A file that gets two signatures is there twice. */
export interface PlannedFile {
  /** The file's path in the archive. */
  readonly path: string
  /** Bytes of the message to sign, which is the whole file; {@link read} returns no other number of them. */
  readonly size: number
  /**
   * The whole message to sign, not to be changed; until this is called, nothing is decompressed.
   *
   * @throws ChanceryError ERR_FORMAT_ZIP if the archive's data is not what its directory says.
   */
  read(): Uint8Array
  /** As {@link read}, for large files: decompresses on another thread. */
  readInBackground(): Promise<Uint8Array>
  /** Where the signature goes: a new path, in the directory of the file. */
  readonly outputPath: string
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  /** What the configuration says for RSA keys, which need it. */
  readonly rsaPadding?: 'pkcs1' | 'pss'
}

/** The signatures an artifact gets, and what it takes to put them beside its files. */
export interface SigningPlan {
  /** At least one. */
  readonly files: readonly PlannedFile[]
  /** Bytes of the files, each once however many signatures it gets. */
  readonly size: number
  readonly artifact: ArtifactInput
  /** The archive that was read; null for a bare file. */
  readonly archive: ZipArchive | null
}

/** How many bytes of contents a plan keeps, so that those who read a small file one after the other share the work. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024

/**
 * Decides which files of an artifact are signed how, exactly as its configuration says.
 *
 * @param given The request's parameters by name.
 * @param limits How far an archive is followed; see `readZip`.
 * @throws ChanceryError ERR_POLICY_PARAMETER if the parameters are not those of the configuration, or make a path, a
 *   name or a number malformed.
 * @throws ChanceryError ERR_POLICY_ARTIFACT if the artifact is not what the configuration describes, nothing in it is
 *   to be signed, or a signature's file exists already.
 * @throws ChanceryError ERR_FORMAT_ZIP if an uploaded file is not a ZIP archive Chancery reads, or a name would not be
 *   safe in one; ERR_FORMAT_ZIP_LIMIT if it exceeds a limit.
 */
export function planSigning(
  model: ArtifactConfigurationModel,
  artifact: ArtifactInput,
  given: Readonly<Record<string, string>>,
  limits?: ZipLimits,
): SigningPlan {
  const { content, signatures } =
    artifact.kind === 'entry' && Object.keys(given).length === 0
      ? decideOnce(model, artifact)
      : decide(model, artifact, given, limits)
  const files = signatures.map(({ file, ...planned }) => ({ ...content.at(file), ...planned }))
  const signed = new Set(signatures.map(({ file }) => file))
  const size = [...signed].reduce((total, file) => total + content.at(file).size, 0)
  return { files, size, artifact, archive: content.archive }
}

type Contents = Pick<PlannedFile, 'path' | 'size' | 'read' | 'readInBackground'>

/** What a configuration says of one signature. */
interface PlannedSignature extends Omit<PlannedFile, keyof Contents> {
  /** The index of the file. */
  readonly file: number
}

interface Decision {
  readonly content: Pick<Content, 'archive' | 'at'>
  readonly signatures: readonly PlannedSignature[]
}

function decide(
  model: ArtifactConfigurationModel,
  artifact: ArtifactInput,
  given: Readonly<Record<string, string>>,
  limits?: ZipLimits,
): Decision {
  const parameters = resolveParameters(model.parameters, given)
  const valueOf = (parameter: string) => parameters.get(parameter) ?? ''
  checkFileName(model.root, artifact, valueOf)
  const content =
    artifact.kind === 'file' ? readArchive(artifact.bytes, limits) : bareFile(artifact)
  const { tree, paths } = content
  const matches = matchArtifact(model.root, { tree, paths, valueOf })
  // Before anything is signed: whatever would keep a signature out of the archive.
  const taken = new ZipPaths()
  for (const { path } of content.archive?.entries ?? []) taken.add(path)
  if (artifact.kind === 'entry') taken.add(parseZipPath(artifact.path))
  const signatures = matches.map(({ file, directive }) => {
    const path = paths[file] ?? ''
    const planned = planSignature(path, directive, valueOf)
    if (!taken.add(parseZipPath(planned.outputPath))) throw collision(path, planned.outputPath)
    return { file, ...planned }
  })
  return { content, signatures }
}

/** By their paths, what a configuration says of bare files: their bytes decide nothing, and most have the same name. */
const KNOWN = new WeakMap<ArtifactConfigurationModel, Map<string, readonly PlannedSignature[]>>()
const MAX_KNOWN_PATHS = 100

/** As {@link decide}, without parameters, of a bare file. */
function decideOnce(
  model: ArtifactConfigurationModel,
  artifact: Extract<ArtifactInput, { kind: 'entry' }>,
): Decision {
  const known = KNOWN.get(model) ?? new Map<string, readonly PlannedSignature[]>()
  const signatures = known.get(artifact.path)
  if (signatures !== undefined) return { content: bareFile(artifact), signatures }
  const decision = decide(model, artifact, {})
  if (known.size >= MAX_KNOWN_PATHS) known.clear()
  KNOWN.set(model, known.set(artifact.path, decision.signatures))
  return decision
}

/** The files of an artifact. */
interface Content {
  readonly archive: ZipArchive | null
  readonly paths: readonly string[]
  readonly tree: ArtifactTree
  /** The file at an index of {@link paths}. */
  readonly at: (file: number) => Contents
}

function readArchive(bytes: Uint8Array, limits: ZipLimits | undefined): Content {
  const archive = readZip(bytes, limits)
  const entries = archive.entries.filter((entry) => !entry.isDirectory)
  const directories = archive.entries.filter((entry) => entry.isDirectory)
  const paths = entries.map((entry) => entry.path)
  const kept = new KeptContents()
  const at = (file: number) => {
    const entry = entries[file]
    assert(entry !== undefined)
    return kept.of(entry)
  }
  const tree = new ArtifactTree(
    paths,
    directories.map((entry) => entry.path),
  )
  return { archive, paths, tree, at }
}

/** Contents of entries; what was read once is the same object from then on, as far as `MAX_KEPT_BYTES` goes. */
class KeptContents {
  readonly #contents = new Map<ZipEntry, Uint8Array>()
  #size = 0

  of(entry: ZipEntry): Contents {
    const known = () => this.#contents.get(entry)
    return {
      path: entry.path,
      size: entry.size,
      read: () => known() ?? this.#keep(entry, entry.read()),
      readInBackground: async () => known() ?? this.#keep(entry, await entry.readInBackground()),
    }
  }

  #keep(entry: ZipEntry, bytes: Uint8Array): Uint8Array {
    if (!this.#contents.has(entry) && this.#size + bytes.length <= MAX_KEPT_BYTES) {
      this.#size += bytes.length
      this.#contents.set(entry, bytes)
    }
    return bytes
  }
}

function bareFile({ path, bytes }: { readonly path: string; readonly bytes: Uint8Array }): Content {
  const paths = [path]
  const contents: Contents = {
    path,
    size: bytes.length,
    read: () => bytes,
    readInBackground: () => Promise.resolve(bytes),
  }
  return { archive: null, paths, tree: new ArtifactTree(paths), at: () => contents }
}

function checkFileName(
  root: ZipFileElement,
  artifact: ArtifactInput,
  valueOf: (parameter: string) => string,
): void {
  const name = artifact.kind === 'file' ? artifact.fileName : artifact.path
  if (!isPlainFileName(name)) {
    throw new ChanceryError(
      'ERR_POLICY_ARTIFACT',
      `expected a file name of 1 to 260 characters without directories, found '${shorten(name)}'`,
      { field: 'fileName' },
    )
  }
  if (root.path === undefined) return
  const glob = resolveAttribute(root.place, 'path', root.path, ROOT_PATH, valueOf)
  const archiveName = archiveNameOf(artifact)
  if (!matchesGlob(glob, archiveName)) {
    throw new ChanceryError(
      'ERR_POLICY_ARTIFACT',
      `expected a file name that matches '${shorten(glob.text)}', found '${shorten(archiveName)}'`,
      { field: 'fileName' },
    )
  }
}

function archiveNameOf(artifact: ArtifactInput): string {
  return artifact.kind === 'file' ? artifact.fileName : `${artifact.path}.zip`
}

function planSignature(
  path: string,
  directive: RawSignatureDirective,
  valueOf: (parameter: string) => string,
): Omit<PlannedSignature, 'file'> {
  const { place, outputFileName, hashAlgorithm, rsaPadding } = directive
  const directory = parentOf(path)
  const prefix = directory === '' ? '' : `${directory}/`
  const output = resolveAttribute(
    place,
    'output-file-name',
    outputFileName,
    OUTPUT_FILE_NAME,
    (parameter) =>
      parameter === FILE_NAME_REFERENCE ? path.slice(prefix.length) : valueOf(parameter),
  )
  const hash = resolveAttribute(place, 'hash-algorithm', hashAlgorithm, HASH_ALGORITHM, valueOf)
  const planned = { outputPath: `${prefix}${output}`, hash }
  if (rsaPadding === undefined) return planned
  return {
    ...planned,
    rsaPadding: resolveAttribute(place, 'rsa-padding', rsaPadding, RSA_PADDING, valueOf),
  }
}

function collision(path: string, outputPath: string): ChanceryError {
  return new ChanceryError(
    'ERR_POLICY_ARTIFACT',
    `the signature of '${shorten(path)}' would go to '${shorten(outputPath)}', ` +
      'where the artifact, or another signature, has a file already',
    {
      hints: [
        'submit an artifact without earlier signatures, or give every signature a name of its own in output-file-name',
      ],
    },
  )
}

/** A signed artifact, ready for download. */
export interface SignedArtifact {
  /** The name of the upload; for a bare file, its name with `.zip` behind. */
  readonly fileName: string
  /** A ZIP archive. */
  readonly bytes: Uint8Array
}

/**
 * Puts the signatures beside the files they sign, as they are, without base64. What was in the archive stays byte for
 * byte as it was. Equal arguments give equal bytes.
 *
 * @param signatures One for each of `plan.files`, in the same order.
 * @param at The time the new files get in the archive.
 */
export function assembleSignedArtifact(
  plan: SigningPlan,
  signatures: readonly Uint8Array[],
  at: Date,
): SignedArtifact {
  assert.equal(signatures.length, plan.files.length)
  const additions = plan.files.map(({ outputPath }, index) => {
    const bytes = signatures[index]
    assert(bytes !== undefined && bytes.length > 0)
    return { path: outputPath, bytes }
  })
  const { artifact, archive } = plan
  const fileName = archiveNameOf(artifact)
  if (archive !== null) {
    return { fileName, bytes: extendZip(artifact.bytes, archive, additions, at) }
  }
  assert(artifact.kind === 'entry')
  const entries = [{ path: artifact.path, bytes: artifact.bytes }, ...additions]
  return { fileName, bytes: writeZip(entries, at) }
}
