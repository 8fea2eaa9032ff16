import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { Bench, BenchOptions } from './bench.ts'

/** Benchmarks by name: `bench/<name>.ts`. */
const NAMES = ['sign', 'memory', 'growth', 'verify', 'cli', 'registry'] as const

async function load(name: string): Promise<Bench> {
  const module = (await import(`./${name}.ts`)) as { readonly bench: Bench }
  return module.bench
}

async function describe(): Promise<string> {
  const list = await Promise.all(
    NAMES.map(async (name) => `  ${name.padEnd(10)}${(await load(name)).summary}\n`),
  )
  return `npm run bench [-- NAME... [--seconds N] [--rounds N] [--connections N,N,...] [--json FILE]]

Without a name all benchmarks run, one after the other:
${list.join('')}
  --seconds N        length of each measurement; 1
  --rounds N         how often each thing is measured; 3
  --connections N,N  connections that are kept busy at once; 1,8,64,256
  --json FILE        writes what was found to FILE, too

How to read it: every row was measured in the same run, and the rounds interleave. Compare the columns "/empty" and
"/raw" (ratios within the run) between machines and days, the rates only within one run: other work on the machine
changes them all. "CPU µs" is the server's processor time per answer, which other work changes least.
Slowness never fails the run; a wrong answer does. More in docs/benchmarks.md.
`
}

function readOptions(values: {
  readonly seconds: string
  readonly rounds: string
  readonly connections: string
}): BenchOptions {
  const read = (text: string): number => {
    const number = Number(text)
    if (number > 0) return number
    throw new Error(`expected a number above 0, found '${text}'`)
  }
  return {
    seconds: read(values.seconds),
    rounds: read(values.rounds),
    connections: values.connections.split(',').map(read),
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '1,8,64,256' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const unknown = positionals.filter((name) => !(NAMES as readonly string[]).includes(name))
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) {
    process.stderr.write(`error: there is no benchmark '${unknown.join("', '")}'\n\n`)
    process.exitCode = 2
  }
  process.stdout.write(await describe())
} else {
  if (positionals.length === 0) process.stdout.write(`${await describe()}\n`)
  const options = readOptions(values)
  const reports: object[] = []
  for (const name of positionals.length === 0 ? NAMES : positionals) {
    process.stdout.write(`${name}\n\n`)
    reports.push(await (await load(name)).run(options))
  }
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify(reports, null, 2)}\n`)
  }
}
