import { parentPort, workerData } from 'node:worker_threads'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { ErrorCode } from '../errors/codes.ts'
import { Checkpoints } from './checkpoints.ts'
import { openForWriting } from './database-file.ts'
import { collectGarbage } from './garbage.ts'
import { packOutcomes, unpackBatch, type PackedBatch } from './packed-batch.ts'
import { StoreWriter } from './store-writer.ts'

/** What the writer thread is started with. */
export interface WriterThreadData {
  readonly path: string
  readonly auditKey: Uint8Array
}

/** Why the writer thread did not start; null is its first message where it did. */
export interface Refusal {
  readonly code: ErrorCode
  readonly message: string
  readonly hints: readonly string[]
}

const { path, auditKey } = workerData as WriterThreadData

interface Opened {
  readonly writer: StoreWriter
  readonly checkpoints: Checkpoints
}

function open(): Opened | Refusal {
  try {
    const database = openForWriting(path)
    return {
      writer: new StoreWriter(database, auditKey),
      checkpoints: new Checkpoints(database),
    }
  } catch (thrown) {
    if (thrown instanceof ChanceryError) {
      const { code, message, hints } = thrown
      return { code, message, hints }
    }
    // A class does not survive the way to the other thread, and the reason is the disk's.
    const reason = thrown instanceof Error ? thrown.message : 'unknown'
    return {
      code: 'ERR_DB_UNAVAILABLE',
      message: `the store cannot be opened for writing: ${reason}`,
      hints: ['look for a full or failing disk'],
    }
  }
}

function rest({ writer, checkpoints }: Opened): void {
  checkpoints.rest()
  writer.rest()
  collectGarbage()
}

async function close({ writer, checkpoints }: Opened): Promise<void> {
  await checkpoints.close()
  writer.close()
  parentPort?.close()
}

const opened = open()
if ('writer' in opened) {
  const { writer, checkpoints } = opened
  parentPort?.on('message', (message: PackedBatch | 'close' | 'rest') => {
    if (message === 'close') {
      void close(opened)
      return
    }
    if (message === 'rest') {
      rest(opened)
      return
    }
    parentPort?.postMessage(packOutcomes(writer.write(unpackBatch(message))))
    checkpoints.advance()
  })
  parentPort?.postMessage(null)
} else {
  parentPort?.postMessage(opened)
}
