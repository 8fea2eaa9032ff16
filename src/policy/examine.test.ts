import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { encodeSimpleSigning } from '../format/simple-signing.ts'
import { describeDenial, type DenialReason } from './denial.ts'
import { examine, type Examination, type ExaminationRules } from './examine.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const RULES: ExaminationRules = {
  allowedImages: ['registry.acme.test/team/*'],
  signatureFormats: ['legacy', 'bundle'],
  allowedPredicateTypes: [],
  allowOtherFiles: false,
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function file(path: string, content: Uint8Array) {
  return {
    path,
    size: content.length,
    read: () => content,
    readInBackground: () => Promise.resolve(content),
  }
}

function metadata(dockerReference: string, annotations?: Record<string, string>): Uint8Array {
  return encodeSimpleSigning({ dockerReference, manifestDigest: DIGEST, annotations })
}

function one(content: Uint8Array, rules = RULES): Examination {
  return examine({ files: [file('payload.json', content)] }, rules)
}

function reasons(examination: Examination): readonly DenialReason[] {
  assert.ok(!examination.decision.allowed)
  return examination.decision.reasons
}

/** What a verifier reads that takes any JSON. */
function lenientDigest(content: Uint8Array): unknown {
  try {
    const payload = JSON.parse(new TextDecoder().decode(content)) as {
      critical?: { image?: Record<string, unknown> } | null
    } | null
    return payload?.critical?.image?.['docker-manifest-digest']
  } catch {
    return undefined
  }
}

describe('examine', () => {
  it('allows a metadata file whose image the policy allows, and says what is in it', () => {
    assert.deepEqual(one(metadata('registry.acme.test/team/app', { build: '7' })), {
      images: [
        {
          path: 'payload.json',
          dockerReference: 'registry.acme.test/team/app',
          repository: 'registry.acme.test/team/app',
          digest: DIGEST,
          annotations: { build: '7' },
        },
      ],
      decision: { allowed: true },
    })
  })

  it('says the same of a name it has allowed before, and asks other rules anew', () => {
    const again = metadata('registry.acme.test/team/again')
    assert.deepEqual(one(again), one(again))
    assert.equal(one(again).images.length, 1)
    const others = { ...RULES, allowedImages: ['registry.acme.test/other/*'] }
    assert.equal(one(again, others).decision.allowed, false)
    assert.equal(one(again).decision.allowed, true)
  })

  it('names Docker Hub images by their one name', () => {
    const rules = { ...RULES, allowedImages: ['busybox'] }
    const { images, decision } = one(metadata('index.docker.io/library/busybox'), rules)
    assert.equal(images[0]?.repository, 'docker.io/library/busybox')
    assert.deepEqual(images[0].annotations, {})
    assert.deepEqual(decision, { allowed: true })
  })

  it('denies another image, naming the file, the rule, the value and the fix', () => {
    const examination = one(metadata('registry.acme.test/other/app'))
    assert.equal(examination.images.length, 1)
    const [reason, ...more] = reasons(examination)
    assert.deepEqual(more, [])
    assert.equal(reason?.path, 'payload.json')
    assert.equal(reason.rule, 'allowedImages')
    assert.equal(reason.value, 'registry.acme.test/other/app')
    assert.match(reason.reason, /registry\.acme\.test\/other\/app.*registry\.acme\.test\/team\/\*/)
    assert.match(reason.fix, /allowed images/)
  })

  it('allows nothing where no images are allowed, and says so', () => {
    const [reason] = reasons(
      one(metadata('registry.acme.test/team/app'), { ...RULES, allowedImages: [] }),
    )
    assert.match(reason?.reason ?? '', /it allows no images/)
    assert.match(reason?.fix ?? '', /added to this policy's allowed images/)
  })

  it('denies a name that is no repository', () => {
    for (const name of [
      'registry.acme.test/team/app:latest',
      'Registry/../x',
      ' registry.acme.test/team/app',
    ]) {
      const examination = one(metadata(name))
      assert.deepEqual(examination.images, [])
      assert.equal(reasons(examination)[0]?.rule, 'allowedImages')
    }
  })

  it('denies what only looks like metadata, even where other files are allowed', () => {
    const good = new TextDecoder().decode(metadata('registry.acme.test/team/app'))
    const lookalikes: Record<string, Uint8Array> = {
      'a duplicate member': bytes(
        good.replace(
          '"image"',
          '"identity":{"docker-reference":"registry.acme.test/evil"},"image"',
        ),
      ),
      'a byte order mark': bytes(`\uFEFF${good}`),
      'a surplus member': bytes(good.replace('"optional"', '"x":1,"optional"')),
      'another case': bytes(good.replace('critical', 'Critical')),
      'another type': bytes(
        good.replace('cosign container image signature', 'cosign container image'),
      ),
      'a short digest': bytes(good.replace('aaaa', '')),
      'something behind': bytes(`${good}{}`),
      'UTF-16': Buffer.from(good, 'utf16le'),
      'an escaped name': bytes(good.replace('critical', '\\u0063ritical').replace('null', '1')),
    }
    for (const [name, content] of Object.entries(lookalikes)) {
      const examination = one(content, { ...RULES, allowOtherFiles: true })
      const [reason] = reasons(examination)
      assert.equal(reason?.rule, 'cosignMetadata', name)
      assert.match(
        reason.reason,
        /looks like Cosign metadata, but is not: Cosign metadata file: expected/,
        name,
      )
      assert.deepEqual(examination.images, [], name)
    }
  })

  it('other files only where the policy allows them', () => {
    for (const content of [
      bytes('{"a":1}'),
      bytes('hello'),
      new Uint8Array(),
      Uint8Array.of(0x4d, 0x5a, 0, 0xff),
    ]) {
      const allowed = one(content, { ...RULES, allowOtherFiles: true })
      assert.deepEqual(allowed, { images: [], decision: { allowed: true } })
      const [reason] = reasons(one(content))
      assert.equal(reason?.rule, 'allowOtherFiles')
      assert.match(reason.fix, /allowOtherFiles/)
    }
  })

  it('one bad file among good ones denies the request; a file with two signatures is examined once', () => {
    const good = metadata('registry.acme.test/team/app')
    const files = [
      file('a.json', good),
      file('a.json', good),
      file('b.json', metadata('registry.acme.test/other')),
      file('c.txt', bytes('x')),
    ]
    const examination = examine({ files }, RULES)
    assert.deepEqual(
      examination.images.map(({ path }) => path),
      ['a.json', 'b.json'],
    )
    assert.deepEqual(
      reasons(examination).map(({ path, rule }) => [path, rule]),
      [
        ['b.json', 'allowedImages'],
        ['c.txt', 'allowOtherFiles'],
      ],
    )
  })

  it('a file larger than any metadata is denied by its size, and nothing is read', async () => {
    let reads = 0
    const counted = (path: string, size: number) => ({
      path,
      size,
      read: () => {
        reads += 1
        return new Uint8Array(size)
      },
    })
    const plan = { files: [counted('a.json', 10), counted('big.bin', 1024 * 1024 + 1)] }
    const [reason, ...more] = reasons(examine(plan, RULES))
    assert.deepEqual(more, [])
    assert.equal(reason?.path, 'big.bin')
    assert.equal(reason.rule, 'allowOtherFiles')
    assert.match(reason.reason, /1048577 bytes.*at most 1048576/)
    assert.equal(reads, 0)
    const rules = { ...RULES, allowOtherFiles: true }
    assert.deepEqual(examine(plan, rules).decision, { allowed: true })
    assert.equal(reads, 2)
  })

  it('denies annotations that would be kept with every answer, each file alone or all together', () => {
    const annotated = (megabytes: number) =>
      encodeSimpleSigning({
        dockerReference: 'registry.acme.test/team/app',
        manifestDigest: DIGEST,
        annotations: { a: 'x'.repeat(megabytes * 1024 * 1024) },
      })
    const files = ['a', 'b', 'c'].map((name) => file(`${name}.json`, annotated(0.4)))
    assert.deepEqual(examine({ files: files.slice(0, 2) }, RULES).decision, { allowed: true })
    const found = examine({ files }, RULES)
    const [reason, ...others] = reasons(found)
    assert.deepEqual(others, [])
    assert.equal(reason?.path, 'c.json')
    assert.match(reason.reason, /annotations .* more than 1048576 characters/)
    assert.equal(found.images.length, 2)
  })

  it('a malformed rule is an error, never a rule that is skipped', () => {
    const rules = {
      ...RULES,
      allowedImages: ['registry.acme.test/team/*', 'a**b'],
      allowOtherFiles: true,
    }
    assert.throws(() => one(bytes('x'), rules), { code: 'ERR_POLICY_IMAGE_PATTERN' })
    assert.throws(() => one(bytes('x'), rules), { code: 'ERR_POLICY_IMAGE_PATTERN' })
  })

  it('a changed metadata file is denied, or no verifier could read another image in it', () => {
    const good = metadata('registry.acme.test/team/app', { a: 'b' })
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const changed = good.slice()
        changed[at] = value
        const { images, decision } = one(changed, { ...RULES, allowOtherFiles: true })
        if (!decision.allowed) return
        // Whatever is allowed is metadata of an allowed image, strictly read, or nothing that a lenient reader could use.
        if (images.length === 0) assert.equal(lenientDigest(changed), undefined)
        else assert.match(images[0]?.repository ?? '', /^registry\.acme\.test\/team\/[^/]+$/)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('describeDenial', () => {
  it('is one sentence, and each fix once', () => {
    const files = Array.from({ length: 7 }, (_, index) => file(`${index}.txt`, bytes('x')))
    const { reason, hints } = describeDenial(reasons(examine({ files }, RULES)))
    assert.match(
      reason,
      /^0\.txt: the file is not Cosign metadata.*; 4\.txt: .*; and 2 more files$/,
    )
    assert.equal(hints.length, 1)
  })

  it('nothing in a file name can hide', () => {
    const files = [file('a\u202Egnp.exe', bytes('x'))]
    assert.ok(!describeDenial(reasons(examine({ files }, RULES))).reason.includes('\u202E'))
  })
})
