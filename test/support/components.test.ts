import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProgram } from './child-process.ts'
import { absencesOf, anyAbsent, isOutOfReach, type ComponentName } from './components.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'

const module = fileURLToPath(new URL('components.ts', import.meta.url))

/** Asks for a component where the cache and the PATH have just these programs. */
async function ask(
  name: string,
  programs: Readonly<Record<string, string>>,
  required = '',
): Promise<{ code: number | null; answer: string }> {
  await using directory = await createTemporaryDirectory()
  for (const [path, text] of Object.entries(programs)) {
    const file = join(directory.path, path)
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, text)
    await chmod(file, 0o755)
  }
  const script = `
    import { component } from ${JSON.stringify(module)}
    const found = component(${JSON.stringify(name)})
    console.log(found.absent === false ? found.path : found.absent)`
  const finished = await runProgram(process.execPath, ['--input-type=module', '-e', script], {
    env: {
      CHANCERY_COMPONENTS: join(directory.path, 'cache'),
      CHANCERY_REQUIRE: required,
      PATH: join(directory.path, 'path'),
    },
  })
  const answer = `${finished.stdout}${finished.stderr}`.replaceAll(directory.path, '').trim()
  return { code: finished.code, answer }
}

const absent = (name: string): string =>
  `absent component: ${name} (comes from the package ${name})`

const cosign3 = "#!/bin/sh\necho 'GitVersion:    v3.1.3'\n"

describe('component', () => {
  it('is found in the cache before the PATH', async () => {
    const programs = { 'cache/bin/zip': '', 'path/zip': '' }
    assert.deepEqual(await ask('zip', programs), { code: 0, answer: '/cache/bin/zip' })
    const onlyPath = { 'path/zip': '' }
    assert.deepEqual(await ask('zip', onlyPath), { code: 0, answer: '/path/zip' })
  })

  it('is the version that was asked for', async () => {
    const programs = { 'path/cosign': cosign3 }
    assert.equal((await ask('cosign-3', programs)).answer, '/path/cosign')
    assert.match((await ask('cosign-2', programs)).answer, /^absent component: cosign-2 \(/)
  })

  it('is named when it is absent, and required on demand', async () => {
    assert.match((await ask('zip', {})).answer, /^absent component: zip \(/)
    for (const required of ['all', 'curl,zip']) {
      const { code, answer } = await ask('zip', {}, required)
      assert.equal(code, 1)
      assert.match(answer, /CHANCERY_REQUIRE asks for it; absent component: zip/)
    }
    assert.equal((await ask('zip', {}, 'curl')).code, 0)
  })
})

describe('what several components lack', () => {
  it('is named one by one', () => {
    const lacking = (name: ComponentName, reason: string | false) => ({
      name,
      absent: reason,
      path: '',
    })
    const there = lacking('curl', false)
    const [zip, unzip] = [lacking('zip', absent('zip')), lacking('unzip', absent('unzip'))]
    assert.equal(anyAbsent(there, there), false)
    const both = anyAbsent(zip, there, unzip, zip)
    assert.deepEqual(absencesOf(String(both)), [absent('zip'), absent('unzip')])
    assert.deepEqual(absencesOf('later'), [])
  })

  it('is out of reach only where the continuous integration cannot install it', () => {
    assert.equal(isOutOfReach(absent('zot')), true)
    assert.equal(isOutOfReach(absent('zip')), false)
  })
})
