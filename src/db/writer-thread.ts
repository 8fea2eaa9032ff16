import { parentPort, workerData } from 'node:worker_threads'
import { openForWriting } from './database-file.ts'
import { StoreWriter, type Batch } from './store-writer.ts'

/** What the writer thread is started with. */
export interface WriterThreadData {
  readonly path: string
  readonly auditKey: Uint8Array
}

const { path, auditKey } = workerData as WriterThreadData
const writer = new StoreWriter(openForWriting(path), auditKey)

parentPort?.on('message', (message: Batch | 'close') => {
  if (message === 'close') {
    writer.close()
    parentPort?.close()
    return
  }
  parentPort?.postMessage(writer.write(message))
})
parentPort?.postMessage('ready')
