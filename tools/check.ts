/**
 * `npm run check`: layout, lint, types and architecture, in two lanes that take about as long as
 * each other. Every step runs to its end, whatever the others say; the exit status is 0 when all
 * of them hold.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const lanes = [
  ['check:lint'],
  ['check:types', 'check:format', 'check:architecture'],
] as const satisfies string[][]

async function runStep(script: string): Promise<void> {
  const began = performance.now()
  const child = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output: Uint8Array[] = []
  child.stdout.on('data', (chunk: Uint8Array) => output.push(chunk))
  child.stderr.on('data', (chunk: Uint8Array) => output.push(chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${script} (${seconds} s)\n`)
  if (code === 0) return
  process.stdout.write(Buffer.concat(output))
  process.exitCode = 1
}

await Promise.all(
  lanes.map(async (scripts) => {
    for (const script of scripts) await runStep(script)
  }),
)
