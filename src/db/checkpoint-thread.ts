import { parentPort, workerData } from 'node:worker_threads'
import type { CheckpointThreadData } from './checkpoints.ts'
import { openForCheckpoints } from './database-file.ts'

const { path } = workerData as CheckpointThreadData
const database = openForCheckpoints(path)

parentPort?.on('message', (message: 'pass' | 'close') => {
  if (message === 'close') {
    database.close()
    parentPort?.close()
    return
  }
  try {
    database.pragma('wal_checkpoint(PASSIVE)')
  } catch {
    // What could not be copied is still in the log.
  }
  parentPort?.postMessage(null)
})
