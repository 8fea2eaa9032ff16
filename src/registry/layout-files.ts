import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ChanceryError } from '../errors/chancery-error.ts'
import { openRegularFile, readRegularFile } from './regular-file.ts'
import { indexTar, type TarRange } from './tar-index.ts'

/** The files of an OCI image layout, by their names in it. */
export interface LayoutFiles extends AsyncDisposable {
  /** What it is called in an error. */
  readonly name: 'the directory' | 'the archive'
  /** The first bytes of a file, at most `maxBytes` and one more; undefined if there is none. */
  readonly read: (name: string, maxBytes: number) => Promise<Uint8Array | undefined>
  /** The content of a file; undefined if there is none. */
  readonly open: (name: string) => Promise<AsyncIterable<Uint8Array> | undefined>
  /** The names of the files in a folder, without it, sorted. */
  readonly list: (folder: string) => Promise<readonly string[]>
}

const PIECE_BYTES = 256 * 1024
/** How compressed archives begin: gzip, Zstandard, bzip2 and xz. */
const COMPRESSED = ['1f8b', '28b52ffd', '425a68', 'fd377a585a00']

/**
 * Opens a directory, or an uncompressed tar archive, of which nothing is written to disk.
 *
 * @returns Undefined if there is nothing of the kind.
 * @throws ChanceryError ERR_FORMAT_TAR if it is a file but no archive that is safe to read.
 */
export async function openLayoutFiles(path: string): Promise<LayoutFiles | undefined> {
  const stats = await stat(path).catch(() => undefined)
  if (stats === undefined) return undefined
  return stats.isDirectory() ? openDirectory(path) : await openArchive(path)
}

function openDirectory(directory: string): LayoutFiles {
  return {
    name: 'the directory',
    read: (name, maxBytes) => readRegularFile(join(directory, name), maxBytes),
    async open(name) {
      const file = await openRegularFile(join(directory, name))
      return file?.createReadStream() as AsyncIterable<Uint8Array> | undefined
    },
    list: async (folder) => (await readdir(join(directory, folder)).catch(() => [])).sort(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function openArchive(path: string): Promise<LayoutFiles | undefined> {
  const file = await openRegularFile(path)
  if (file === undefined) return undefined
  try {
    await refuseCompressed(file)
    const index = await indexTar(file)
    return {
      name: 'the archive',
      async read(name, maxBytes) {
        const range = index.get(name)
        if (range === undefined) return undefined
        const pieces: Uint8Array[] = []
        for await (const piece of readRange(file, {
          ...range,
          size: Math.min(range.size, maxBytes + 1),
        })) {
          pieces.push(piece)
        }
        return Buffer.concat(pieces)
      },
      open(name) {
        const range = index.get(name)
        return Promise.resolve(range === undefined ? undefined : readRange(file, range))
      },
      list(folder) {
        const start = `${folder}/`
        const inside = [...index.keys()].filter((name) => name.startsWith(start))
        return Promise.resolve(inside.map((name) => name.slice(start.length)).sort())
      },
      [Symbol.asyncDispose]: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

type OpenFile = NonNullable<Awaited<ReturnType<typeof openRegularFile>>>

async function refuseCompressed(file: OpenFile): Promise<void> {
  const { buffer } = await file.read(Buffer.alloc(6), 0, 6, 0)
  const start = buffer.toString('hex')
  if (!COMPRESSED.some((magic) => start.startsWith(magic))) return
  throw new ChanceryError('ERR_FORMAT_TAR', 'expected a tar archive, found a compressed one', {
    hints: ['Uncompress it first (gunzip, unzstd): what is in an image is compressed already.'],
  })
}

/** Ends early where the archive was cut meanwhile; whoever compares digests finds that. */
async function* readRange(file: OpenFile, { start, size }: TarRange): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < size;) {
    const piece = Buffer.alloc(Math.min(PIECE_BYTES, size - done))
    const { bytesRead } = await file.read(piece, 0, piece.length, start + done)
    if (bytesRead === 0) return
    yield piece.subarray(0, bytesRead)
    done += bytesRead
  }
}
