import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { equalBytes } from '../crypto/constant-time.ts'
import { sha256InSlices } from '../crypto/sliced-digest.ts'
import { makeDurableDirectory, writeDurableFile } from '../db/durable-file.ts'
import type { Reader, Statement } from '../db/ledger.ts'
import { ChanceryError } from '../errors/chancery-error.ts'

/** What an artifact is to its request. */
export type ArtifactRole = 'unsigned' | 'build-settings'

/** A stored file. */
export interface StoredArtifact {
  readonly fileName: string
  readonly bytes: Uint8Array
}

/** Files up to this size lie in the database, so that they share the commit of their request; larger ones beside it. */
const MAX_INLINE_BYTES = 262_144

interface Row {
  readonly file_name: string
  readonly size: number
  readonly sha256: Uint8Array
  readonly bytes: Uint8Array | null
}

/** The bytes that were submitted, exactly, until retention deletes them. */
export class ArtifactStore {
  readonly #reader: Reader
  readonly #directory: string
  /** How many submissions are under way with a file, by its path. */
  readonly #staged = new Map<string, number>()

  private constructor(reader: Reader, directory: string) {
    this.#reader = reader
    this.#directory = directory
  }

  /** @param directory For the large files; made if it is not there. */
  static async open(reader: Reader, directory: string): Promise<ArtifactStore> {
    await makeDurableDirectory(directory)
    return new ArtifactStore(reader, directory)
  }

  /**
   * Makes an artifact durable as far as it does not lie in the database, and returns the statement that enters it.
   * Call {@link settle} after its commit, whatever became of that. A file without its row, left by a crash in between,
   * is removed by {@link removeOrphans}.
   *
   * @param hash The SHA-256 of the bytes, 32 bytes.
   * @throws ChanceryError ERR_DB_UNAVAILABLE if the disk does not take it.
   */
  stage(
    id: string,
    role: ArtifactRole,
    artifact: StoredArtifact,
    hash: Uint8Array,
  ): Statement | Promise<Statement> {
    const { fileName, bytes } = artifact
    const statement = (inline: Uint8Array | null): Statement => ({
      sql: 'INSERT INTO artifacts (signing_request_id, role, file_name, size, sha256, bytes) VALUES (?, ?, ?, ?, ?, ?)',
      parameters: [id, role, fileName, bytes.length, hash, inline],
    })
    if (bytes.length <= MAX_INLINE_BYTES) return statement(bytes)
    const path = this.#path(id, role)
    this.#staged.set(path, (this.#staged.get(path) ?? 0) + 1)
    return writeDurableFile(path, bytes).then(
      () => statement(null),
      (cause: unknown) => {
        throw new ChanceryError(
          'ERR_DB_UNAVAILABLE',
          'the artifact cannot be stored at the moment; nothing was signed',
          {
            cause,
          },
        )
      },
    )
  }

  /** Removes the files that were staged for a request, unless they were committed or another submission needs them. */
  settle(id: string): void | Promise<void> {
    if (this.#staged.size > 0) return this.#settle(id)
  }

  async #settle(id: string): Promise<void> {
    for (const role of ['unsigned', 'build-settings'] as const) {
      const path = this.#path(id, role)
      const others = (this.#staged.get(path) ?? 0) - 1
      if (others > 0) this.#staged.set(path, others)
      if (others !== 0) continue
      this.#staged.delete(path)
      if (!this.#isFile(id, role)) await rm(path, { force: true })
    }
  }

  /**
   * Reads an artifact and checks that it is the one that was stored.
   *
   * @throws ChanceryError ERR_SIGNING_ARTIFACT_MISSING if there is none.
   */
  async load(id: string, role: ArtifactRole): Promise<StoredArtifact> {
    const row = this.#reader.get<Row>(
      'SELECT file_name, size, sha256, bytes FROM artifacts WHERE signing_request_id = ? AND role = ?',
      id,
      role,
    )
    if (row === undefined) {
      throw new ChanceryError(
        'ERR_SIGNING_ARTIFACT_MISSING',
        'the signing request has no such file',
      )
    }
    const bytes = row.bytes ?? (await readFile(this.#path(id, role)))
    if (bytes.length !== row.size || !equalBytes(await sha256InSlices(bytes), row.sha256)) {
      throw new Error(`the stored ${role} artifact of ${id} is not the one that was submitted`)
    }
    return { fileName: row.file_name, bytes }
  }

  has(id: string, role: ArtifactRole): boolean {
    return (
      this.#reader.get(
        'SELECT 1 FROM artifacts WHERE signing_request_id = ? AND role = ?',
        id,
        role,
      ) !== undefined
    )
  }

  /** The statement that forgets a request's artifacts; call {@link removeFiles} after its commit. */
  unstage(id: string): Statement {
    return { sql: 'DELETE FROM artifacts WHERE signing_request_id = ?', parameters: [id] }
  }

  async removeFiles(id: string): Promise<void> {
    await rm(this.#path(id, 'unsigned'), { force: true })
    await rm(this.#path(id, 'build-settings'), { force: true })
  }

  /** Removes files that no row speaks of, and returns how many. Only while nothing is being submitted. */
  async removeOrphans(): Promise<number> {
    let removed = 0
    for (const name of await readdir(this.#directory)) {
      const [id = '', role = ''] = name.split('.')
      if (this.#isFile(id, role) && name === `${id}.${role}`) continue
      await rm(join(this.#directory, name), { force: true })
      removed += 1
    }
    return removed
  }

  #isFile(id: string, role: string): boolean {
    const row = this.#reader.get(
      'SELECT 1 FROM artifacts WHERE signing_request_id = ? AND role = ? AND bytes IS NULL',
      id,
      role,
    )
    return row !== undefined
  }

  #path(id: string, role: ArtifactRole): string {
    return join(this.#directory, `${id}.${role}`)
  }
}
