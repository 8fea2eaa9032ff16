import assert from 'node:assert/strict'
import { component } from '../support/components.ts'
import { runProgram } from '../support/child-process.ts'

/** OpenSSL's command line, which we test against. */
export const opensslComponent = component('openssl')

/** Runs `openssl` with these words, which must succeed; returns what it printed. */
export async function openssl(
  directory: string,
  words: string,
  ...more: readonly string[]
): Promise<string> {
  const { code, stdout, stderr } = await runProgram(
    opensslComponent.path,
    [...words.split(' '), ...more],
    { cwd: directory },
  )
  assert.equal(code, 0, `openssl ${words}: ${stderr}`)
  return stdout
}
