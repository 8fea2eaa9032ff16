import assert from 'node:assert/strict'
import Database from 'better-sqlite3'
import { createHash, randomBytes } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { verifyExportedLog } from '../../src/audit/verify-audit-log.ts'
import { encodeAuditRecord, hashAuditRecord } from '../../src/db/audit-chain.ts'
import { writeZip } from '../../src/format/zip-writer.ts'
import { fsckAuthority } from '../../src/main/fsck-authority.ts'
import type { AuditEventView } from '../../src/wire/audit.ts'
import {
  addProject,
  payloadFor,
  startAuthority,
  TEST_MASTER_KEY,
  type TestAuthority,
  type TestProject,
  type TestUser,
} from '../support/authority.ts'
import { payloadOf } from './faulty-service.ts'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../support/temporary-directory.ts'

/** Requests of every kind and an audit log that mentions them, closed; each test damages a copy. */
interface Evidence {
  readonly directory: string
  readonly organizationId: string
  readonly exported: readonly AuditEventView[]
  readonly small: string
  readonly large: string
  readonly hash: string
  readonly waiting: string
}

let scratch: TemporaryDirectory
let evidence: Evidence

before(async () => {
  scratch = await createTemporaryDirectory()
  evidence = await gather(join(scratch.path, 'sound'))
})

after(() => scratch[Symbol.asyncDispose]())

async function gather(directory: string): Promise<Evidence> {
  await using authority = await startAuthority()
  const project = await addProject(authority, { allowHashSigning: true })
  const { administration, signing, audit } = authority.services
  const admin = authority.admin.caller()
  const approver = await authority.addUser('approver')
  await administration.createSelfSignedX509(admin, {
    slug: 'second',
    name: 'Second',
    algorithm: 'ecdsa-p256',
    subject: { commonName: 'Second' },
  })
  await administration.createSigningPolicy(admin, 'app', {
    slug: 'approved',
    name: 'Approved',
    certificateSlug: 'second',
    submitters: { users: [project.submitter.id], groups: [] },
    approvers: { users: [approver.id], groups: [] },
    requiredApprovals: 1,
    allowedImages: ['registry.acme.test/team/**'],
  })
  const founder = await authority.addOrganization('Other')
  await administration.editOrganization(founder.caller(), { name: 'Another' })
  const submit = async (signingPolicySlug: string, payload = payloadFor()): Promise<string> => {
    const bytes = zipOf({ 'payload.json': payload })
    const { signingRequestId, status } = await signing.submitWithArtifact(
      project.submitter.caller(),
      { projectSlug: 'app', signingPolicySlug, parameters: {} },
      { fileName: 'payload.json.zip', bytes, isEntry: false },
    )
    assert.ok(['Completed', 'WaitingForApproval'].includes(status), status)
    return signingRequestId
  }
  const small = await submit('release')
  const large = await submit('release', payloadOf(600_000))
  const approved = await submit('approved')
  await signing.approve(approver.caller(), approved, undefined)
  const waiting = await submit('approved')
  await gatherEnds(authority, project, approver)
  // Announced under one version of its configuration, uploaded under the next.
  const zip = zipOf({ 'payload.json': payloadFor('registry.acme.test/team/uploaded') })
  const submission = { projectSlug: 'app', signingPolicySlug: 'release', parameters: {} }
  const { signingRequestId: announced } = await signing.submitWithoutArtifact(
    project.submitter.caller(),
    submission,
    { fileName: 'a.zip', sha256Hash: createHash('sha256').update(zip).digest('hex') },
  )
  const [configuration] = administration.listArtifactConfigurations(admin, 'app')
  const { slug } = configuration!
  const { xml } = administration.getArtifactConfiguration(admin, 'app', slug)
  await administration.editArtifactConfigurationXml(admin, 'app', slug, { xml: `${xml}\n` })
  await signing.uploadUnsignedArtifact(project.submitter.caller(), announced, zip)
  const { signingRequestId: hash } = await signing.signHash(
    project.submitter.caller(),
    { projectSlug: 'app', signingPolicySlug: 'release', parameters: {} },
    { signatureAlgorithm: 'Ecdsa', hash: new Uint8Array(32) },
  )
  let text = ''
  for await (const piece of audit.export(admin, {}, 'jsonl')) text += piece
  await authority.reopen()
  await close(authority, directory)
  const exported = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditEventView)
  const { organizationId } = authority
  return { directory, organizationId, exported, small, large, hash, waiting }
}

/** Requests that ended in every way but with a signature, one that awaits its artifact, and one of an RSA key. */
async function gatherEnds(
  { services, admin }: TestAuthority,
  { submitter }: TestProject,
  approver: TestUser,
): Promise<void> {
  const { administration, signing } = services
  const submission = (signingPolicySlug: string) => ({
    projectSlug: 'app',
    signingPolicySlug,
    parameters: {},
  })
  const submit = async (slug: string, bytes: Uint8Array, expected: string): Promise<string> => {
    const artifact = { fileName: 'payload.json.zip', bytes, isEntry: false }
    const by = submitter.caller()
    const submitted = await signing.submitWithArtifact(by, submission(slug), artifact)
    assert.equal(submitted.status, expected)
    return submitted.signingRequestId
  }
  const sound = zipOf({ 'payload.json': payloadFor() })
  await submit('release', zipOf({ 'payload.json': payloadFor('evil.test/app') }), 'Denied')
  await submit('release', Buffer.from('no zip'), 'Failed')
  await signing.deny(
    approver.caller(),
    await submit('approved', sound, 'WaitingForApproval'),
    undefined,
  )
  await signing.cancel(submitter.caller(), await submit('approved', sound, 'WaitingForApproval'))
  await signing.submitWithoutArtifact(submitter.caller(), submission('release'), {
    fileName: 'payload.json.zip',
    sha256Hash: createHash('sha256').update(sound).digest('hex'),
  })
  await administration.createSelfSignedX509(admin.caller(), {
    slug: 'rsa',
    name: 'RSA',
    algorithm: 'rsa-2048',
    subject: { commonName: 'RSA' },
  })
  await administration.createSigningPolicy(admin.caller(), 'app', {
    slug: 'narrowed',
    name: 'Narrowed',
    certificateSlug: 'rsa',
    submitters: { users: [submitter.id], groups: [] },
    approvers: { users: [approver.id], groups: [] },
    requiredApprovals: 1,
    allowedImages: ['registry.acme.test/team/**'],
  })
  const signed = await submit('narrowed', sound, 'WaitingForApproval')
  await signing.approve(approver.caller(), signed, undefined)
  const late = await submit('narrowed', sound, 'WaitingForApproval')
  await administration.editSigningPolicy(admin.caller(), 'app', 'narrowed', {
    allowedImages: ['registry.acme.test/other/**'],
  })
  await signing.approve(approver.caller(), late, undefined)
  assert.equal(signing.getStatus(admin.caller(), late).status, 'Denied')
}

/** Copies the store, with what lies in its write-ahead log. */
async function close(authority: TestAuthority, directory: string): Promise<void> {
  await authority.services.readiness()
  cpSync(authority.directory, directory, { recursive: true })
}

function zipOf(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const entries = Object.entries(files).map(([path, bytes]) => ({ path, bytes }))
  return writeZip(entries, new Date(0))
}

let copies = 0

/** The problems that fsck finds in a damaged copy. */
async function problemsAfter(
  damage: (database: Database.Database, directory: string) => void,
): Promise<string> {
  copies += 1
  const directory = join(scratch.path, `copy-${copies}`)
  cpSync(evidence.directory, directory, { recursive: true })
  const database = new Database(join(directory, 'chancery.db'))
  damage(database, directory)
  database.close()
  const report = await fsckAuthority({ dataDirectory: directory, masterKey: TEST_MASTER_KEY })
  return report.problems.join('\n')
}

const chainOf = (database: Database.Database): number =>
  database
    .prepare('SELECT chain FROM audit_chains WHERE organization_id = ?')
    .pluck()
    .get(evidence.organizationId) as number

interface StoredEvent {
  number: number
  record: string
  hash: Uint8Array
}

const eventsOf = (database: Database.Database): StoredEvent[] =>
  database
    .prepare<[number], StoredEvent>(
      'SELECT number, record, hash FROM audit_events WHERE chain = ? ORDER BY number',
    )
    .all(chainOf(database))

/** Hashes everything from a number on again, as somebody would who has no key. */
function forge(database: Database.Database): void {
  const chain = chainOf(database)
  let head: Uint8Array = new Uint8Array(32)
  let number = 0
  const update = database.prepare(
    'UPDATE audit_events SET number = ?, hash = ? WHERE chain = ? AND number = ?',
  )
  for (const event of eventsOf(database)) {
    number += 1
    head = hashAuditRecord(head, number, event.record)
    update.run(number, head, chain, event.number)
  }
  database
    .prepare('UPDATE audit_chains SET number = ?, head = ? WHERE chain = ?')
    .run(number, head, chain)
}

const renumber = (database: Database.Database, from: number, to: number): void => {
  database
    .prepare('UPDATE audit_events SET number = ? WHERE chain = ? AND number = ?')
    .run(to, chainOf(database), from)
}

const remove = (database: Database.Database, number: number): void => {
  database
    .prepare('DELETE FROM audit_events WHERE chain = ? AND number = ?')
    .run(chainOf(database), number)
}

const last = (database: Database.Database): number => eventsOf(database).length

const insertAt = (database: Database.Database, number: number): void => {
  const [first] = eventsOf(database)
  const record = (first?.record ?? '').replace('"type":"', '"type":"Forged.')
  database
    .prepare(
      "INSERT INTO audit_events (chain, number, at, type, record, hash) VALUES (?, ?, 1, 'Forged', ?, ?)",
    )
    .run(chainOf(database), number, record, new Uint8Array(32))
}

const edit =
  (sql: string, ...parameters: readonly unknown[]) =>
  (database: Database.Database): void => {
    const { changes } = database.prepare(sql).run(...parameters)
    assert.ok(changes > 0, `nothing to damage: ${sql}`)
  }

describe('fsck', () => {
  it('finds nothing in a sound directory', async () => {
    assert.equal(await problemsAfter(() => undefined), '')
  })

  const tampering: readonly (readonly [string, (database: Database.Database) => void, RegExp])[] = [
    [
      'an edited record',
      edit(
        'UPDATE audit_events SET record = replace(record, \'"data":{\', \'"data":{"forged":1,\') WHERE number = 3 AND chain = 1',
      ),
      /event 3: the event is not the one that was logged/,
    ],
    ...(
      [
        ['type', "'Other.Done'"],
        ['at', 'at + 1'],
        ['actor_id', "'somebody'"],
        ['object_id', "'somebody'"],
      ] as const
    ).map(
      ([column, value]) =>
        [
          `an edited column: ${column}`,
          edit(`UPDATE audit_events SET ${column} = ${value} WHERE number = 3 AND chain = 1`),
          /event 3: the event is filed under other terms/,
        ] as const,
    ),
    [
      'an event deleted at the start',
      (database) => remove(database, 1),
      /event 1: expected event 1, found 2/,
    ],
    [
      'an event deleted in the middle',
      (database) => remove(database, 4),
      /event 4: expected event 4, found 5/,
    ],
    [
      'an event deleted at the end',
      (database) => remove(database, last(database)),
      /the end is missing/,
    ],
    [
      'an event deleted, and those behind it moved up',
      (database) => {
        remove(database, 4)
        for (let number = 5; number <= last(database) + 1; number += 1)
          renumber(database, number, number - 1)
      },
      /event 4: the event is not the one that was logged, or not in its place/,
    ],
    [
      'two events in the other order',
      (database) => {
        renumber(database, 3, 100_000)
        renumber(database, 4, 3)
        renumber(database, 100_000, 4)
      },
      /event 3: .*not in its place/,
    ],
    [
      'an event inserted in the middle',
      (database) => {
        for (let number = last(database); number >= 5; number -= 1)
          renumber(database, number, number + 1)
        insertAt(database, 5)
      },
      /event 5: the event is not the one that was logged/,
    ],
    [
      'an event behind the end',
      (database) => insertAt(database, last(database) + 1),
      /there are events behind the sealed end/,
    ],
    [
      'a record edited, and all hashes made again without the key',
      (database) => {
        edit(
          'UPDATE audit_events SET record = replace(record, \'"data":{\', \'"data":{"forged":1,\') WHERE number = 3 AND chain = 1',
        )(database)
        forge(database)
      },
      /the seal on the end is not that of this authority/,
    ],
    [
      'the last events cut off, and the end set back without the key',
      (database) => {
        remove(database, last(database))
        forge(database)
      },
      /the seal on the end is not that of this authority/,
    ],
    [
      'another seal',
      edit('UPDATE audit_chains SET seal = ? WHERE chain = 1', new Uint8Array(32)),
      /the seal on the end is not that of this authority/,
    ],
    [
      "another organization's end, with its seal",
      (database) => {
        const [one, two] = database
          .prepare<[], { number: number; head: Uint8Array; seal: Uint8Array }>(
            'SELECT number, head, seal FROM audit_chains ORDER BY chain',
          )
          .all()
        assert.ok(one !== undefined && two !== undefined)
        edit(
          'UPDATE audit_chains SET number = ?, head = ?, seal = ? WHERE chain = 1',
          two.number,
          two.head,
          two.seal,
        )(database)
      },
      /audit log of .*: event \d+: /,
    ],
    [
      "an organization's whole log deleted",
      (database) => {
        edit('DELETE FROM audit_events WHERE chain = 2')(database)
        edit('DELETE FROM audit_chains WHERE chain = 2')(database)
      },
      /the log is missing/,
    ],
  ]
  for (const [what, damage, expected] of tampering) {
    it(`finds ${what}`, async () => {
      assert.match(await problemsAfter(damage), expected)
    })
  }
})

describe('fsck of signing requests', () => {
  const replaceInBody =
    (id: string, change: (body: Record<string, unknown>) => void) =>
    (database: Database.Database): void => {
      const body = JSON.parse(
        database
          .prepare('SELECT body FROM signing_requests WHERE id = ?')
          .pluck()
          .get(id) as string,
      ) as Record<string, unknown>
      change(body)
      edit('UPDATE signing_requests SET body = ? WHERE id = ?', JSON.stringify(body), id)(database)
    }

  it('finds a replaced signature, of a file and of a hash', async () => {
    for (const id of [evidence.small, evidence.hash]) {
      const problems = await problemsAfter(
        replaceInBody(id, (body) => {
          const [signature] = body['signatures'] as { signature: string }[]
          assert.ok(signature !== undefined)
          signature.signature = Buffer.from(randomBytes(70)).toString('base64')
        }),
      )
      assert.match(problems, new RegExp(`${id}: its signatures are not those in the audit log`))
    }
  })

  /** Changes what is stored of the signatures, and what the audit log says of them, alike. */
  const replaceSignatures =
    (change: (signatures: Record<string, string>[]) => void) =>
    (database: Database.Database): void => {
      replaceInBody(evidence.small, (body) => {
        change(body['signatures'] as Record<string, string>[])
      })(database)
      const where = "object_id = ? AND type = 'SigningRequest.Signed'"
      const record = JSON.parse(
        database
          .prepare(`SELECT record FROM audit_events WHERE ${where}`)
          .pluck()
          .get(evidence.small) as string,
      ) as { data: { signatures: Record<string, string>[] } }
      change(record.data.signatures)
      edit(
        `UPDATE audit_events SET record = ? WHERE ${where}`,
        JSON.stringify(record),
        evidence.small,
      )(database)
    }

  const forgeries: Readonly<
    Record<string, readonly [(signatures: Record<string, string>[]) => void, RegExp]>
  > = {
    'that does not verify': [
      ([signature]) => (signature!['signature'] = randomBytes(70).toString('base64')),
      /: the signature of payload\.json does not verify/,
    ],
    'of another file': [
      ([signature]) => (signature!['path'] = 'other.json'),
      /: the signature of other\.json is out of place/,
    ],
    'that nothing asked for': [
      (signatures) => signatures.push({ ...signatures[0] }),
      /: its signatures are not those that its configuration asks for/,
    ],
  }
  for (const [what, [change, expected]] of Object.entries(forgeries)) {
    it(`finds a signature ${what}, though the audit log was made to agree`, async () => {
      assert.match(await problemsAfter(replaceSignatures(change)), expected)
    })
  }

  it('finds a status that the audit log does not tell', async () => {
    const setStatus = (id: string, status: string) =>
      edit('UPDATE signing_requests SET status = ? WHERE id = ?', status, id)
    assert.match(
      await problemsAfter(setStatus(evidence.small, 'Denied')),
      new RegExp(`${evidence.small}: is Denied with 1 signatures`),
    )
    assert.match(
      await problemsAfter(setStatus(evidence.waiting, 'Denied')),
      new RegExp(`${evidence.waiting}: is Denied, but the audit log says it did not end`),
    )
    const reopened = await problemsAfter((database) => {
      replaceInBody(evidence.small, (body) => (body['signatures'] = []))(database)
      setStatus(evidence.small, 'WaitingForApproval')(database)
    })
    assert.match(reopened, /: is WaitingForApproval, but the audit log says Completed/)
  })

  it('finds a submission and a signature that are not in the audit log once', async () => {
    for (const [type, none, twice] of [
      [
        'Submitted',
        'its submission is not in',
        'its submission is in the audit log more than once',
      ],
      ['Signed', 'its signatures are not in', 'it was signed more than once'],
    ] as const) {
      const where = [`SigningRequest.${type}`, evidence.small]
      const removed = edit('DELETE FROM audit_events WHERE type = ? AND object_id = ?', ...where)
      assert.match(await problemsAfter(removed), new RegExp(`${evidence.small}: ${none}`))
      const repeated = edit(
        'INSERT INTO audit_events (chain, number, at, type, object_id, record, hash) SELECT chain, number + 100000, at, type, object_id, record, hash FROM audit_events WHERE type = ? AND object_id = ?',
        ...where,
      )
      assert.match(await problemsAfter(repeated), new RegExp(`${evidence.small}: ${twice}`))
    }
  })

  it('needs the master key', async () => {
    await assert.rejects(
      fsckAuthority({ dataDirectory: evidence.directory, masterKey: undefined }),
      { code: 'ERR_KEYS_MASTER_KEY_SOURCE' },
    )
  })

  it('finds a signature that was taken away with its status', async () => {
    const problems = await problemsAfter((database) => {
      replaceInBody(evidence.small, (body) => (body['signatures'] = []))(database)
      edit("UPDATE signing_requests SET status = 'Failed' WHERE id = ?", evidence.small)(database)
    })
    assert.match(problems, new RegExp(evidence.small))
  })

  it('finds a changed artifact in the database', async () => {
    const problems = await problemsAfter(
      edit(
        'UPDATE artifacts SET bytes = ? WHERE signing_request_id = ?',
        zipOf({ 'payload.json': payloadFor('registry.acme.test/team/evil') }),
        evidence.small,
      ),
    )
    assert.match(problems, new RegExp(`${evidence.small}.*not the one that was submitted`))
  })

  it('finds a changed artifact that waits for approval, though every hash of it was changed too', async () => {
    const bytes = zipOf({ 'payload.json': payloadFor('registry.acme.test/team/evil') })
    const hash = createHash('sha256').update(bytes).digest()
    const problems = await problemsAfter((database) => {
      edit(
        'UPDATE artifacts SET bytes = ?, size = ?, sha256 = ? WHERE signing_request_id = ?',
        bytes,
        bytes.length,
        hash,
        evidence.waiting,
      )(database)
      replaceInBody(evidence.waiting, (body) => {
        body['unsignedArtifactSha256'] = hash.toString('hex')
      })(database)
    })
    assert.match(problems, new RegExp(evidence.waiting))
  })

  it('finds a changed and a missing artifact file', async () => {
    const fileIn = (directory: string): string =>
      join(directory, 'artifacts', `${evidence.large}.unsigned`)
    const changed = await problemsAfter((_database, directory) => {
      const bytes = readFileSync(fileIn(directory))
      bytes[1000] = (bytes[1000] ?? 0) ^ 1
      writeFileSync(fileIn(directory), bytes)
    })
    assert.match(changed, new RegExp(`${evidence.large}.*not the one that was submitted`))
    const missing = await problemsAfter((_database, directory) => {
      assert.deepEqual(readdirSync(join(directory, 'artifacts')), [`${evidence.large}.unsigned`])
      cpSync(fileIn(directory), join(directory, 'elsewhere'))
      writeFileSync(fileIn(directory), '')
    })
    assert.match(missing, new RegExp(evidence.large))
  })

  it('finds a deleted request', async () => {
    const problems = await problemsAfter(
      edit('DELETE FROM signing_requests WHERE id = ?', evidence.small),
    )
    assert.match(
      problems,
      new RegExp(`SigningRequest.Signed .*${evidence.small}, which is missing`),
    )
  })

  it('finds an approval that nobody gave', async () => {
    const problems = await problemsAfter((database) => {
      edit(
        "INSERT INTO approvals (signing_request_id, user_id, decision, at) VALUES (?, 'somebody', 'approved', 1)",
        evidence.waiting,
      )(database)
      edit(
        "UPDATE signing_requests SET status = 'InProgress' WHERE id = ?",
        evidence.waiting,
      )(database)
    })
    assert.match(problems, new RegExp(`${evidence.waiting}: its approvals are not those`))
  })

  it('finds a policy, a user and a token that were changed behind its back', async () => {
    const policy = await problemsAfter((database) => {
      const all = '"allowedImages":["**"]'
      edit(
        "UPDATE config_objects SET body = replace(body, ?, ?) WHERE kind = 'signing-policy'",
        '"allowedImages":["registry.acme.test/team/**"]',
        all,
      )(database)
      assert.ok(
        database.prepare("SELECT 1 FROM config_objects WHERE body LIKE '%' || ? || '%'").get(all),
      )
    })
    assert.match(policy, /the signing-policy .* is not as its last change/)
    const token = await problemsAfter(edit('UPDATE api_tokens SET user_id = ?', 'somebody'))
    assert.match(token, /the API token .* is not as its last change/)
    const forged = await problemsAfter(
      edit(
        "INSERT INTO api_tokens SELECT 'forged', organization_id, user_id, x'00', '', 1, NULL, NULL, NULL FROM api_tokens LIMIT 1",
      ),
    )
    assert.match(forged, /the API token forged is not in the audit log/)
  })

  it('finds the hash of a token that was put in the place of another, and a version that was changed', async () => {
    const token = await problemsAfter(
      edit('UPDATE api_tokens SET hash = ? WHERE rowid = 1', new Uint8Array(32)),
    )
    assert.match(token, /the API token .* is not as its last change/)
    const organization = await problemsAfter(edit('UPDATE api_tokens SET organization_id = ?', 'x'))
    assert.match(organization, /the API token .* is not as its last change/)
    const version = await problemsAfter((database) => {
      edit(
        "UPDATE config_object_versions SET body = replace(body, 'path=', 'path =') WHERE body LIKE '%<zip-file>%'",
      )(database)
    })
    assert.match(version, /version 1 of the artifact-configuration .* is not as in the audit log/)
    const gone = await problemsAfter(
      edit("DELETE FROM config_object_versions WHERE body LIKE '%<zip-file>%'"),
    )
    assert.match(gone, /version 1 of the artifact-configuration .* is not as in the audit log/)
  })

  it('finds a request that was made another one', async () => {
    const other = '00000000-0000-4000-8000-000000000000'
    const columns: readonly (readonly [column: string, value: string | number, what: string])[] = [
      ['submitter_id', other, 'its submitter is not the one'],
      ['organization_id', other, 'its organization is not the one'],
      ['project_id', other, 'its project is not that of its signing policy'],
      ['signing_policy_id', other, 'its signing policy is not the one'],
      ['submitted_at', 1, 'its time of submission is not the one'],
    ]
    for (const [column, value, what] of columns) {
      const problems = await problemsAfter(
        edit(`UPDATE signing_requests SET ${column} = ? WHERE id = ?`, value, evidence.waiting),
      )
      assert.match(problems, new RegExp(`${evidence.waiting}: ${what}`))
    }
    const members: readonly (readonly [member: string, value: unknown, what: string])[] = [
      ['artifactConfigurationId', other, 'artifact configuration'],
      ['artifactConfigurationVersion', 2, 'artifact configuration version'],
      ['signingPolicyVersion', 2, 'signing policy version'],
      ['parameters', { forged: '1' }, 'parameters'],
      ['description', 'forged', 'description'],
      ['fileName', 'forged', 'file name'],
      ['originalSigningRequestId', other, 'original signing request'],
      ['origin', { branchName: 'main' }, 'origin'],
      ['images', [], 'images'],
    ]
    for (const [member, value, what] of members) {
      const problems = await problemsAfter(
        replaceInBody(evidence.waiting, (body) => (body[member] = value)),
      )
      assert.match(problems, new RegExp(`${evidence.waiting}: its ${what} is not the one`))
    }
    const certificate = await problemsAfter((database) => {
      const second: unknown = database
        .prepare('SELECT id FROM config_objects WHERE body LIKE \'%"slug":"second"%\'')
        .pluck()
        .get()
      replaceInBody(evidence.small, (body) => (body['certificateId'] = second))(database)
    })
    assert.match(certificate, new RegExp(`${evidence.small}: its certificate is not the one`))
  })

  it('finds images by which a request is not found any more, or by which another is', async () => {
    for (const sql of [
      'DELETE FROM signing_request_images',
      "UPDATE signing_request_images SET repository = 'docker.io/library/forged'",
      "UPDATE signing_request_images SET organization_id = 'forged'",
      "INSERT INTO signing_request_images SELECT place + 1, organization_id, repository, replace(digest, 'a', 'b') FROM signing_request_images",
    ]) {
      assert.match(await problemsAfter(edit(sql)), /it is not found by its images, or by others/)
    }
  })

  it('finds software keys that were swapped', async () => {
    const swap =
      (columns: readonly string[]) =>
      (database: Database.Database): void => {
        const rows = database
          .prepare<[], Record<string, unknown>>('SELECT * FROM software_keys ORDER BY key_id')
          .all()
        const [one, two] = rows
        assert.ok(one !== undefined && two !== undefined)
        for (const [to, from] of [
          [one, two],
          [two, one],
        ] as const) {
          const assignments = columns.map((column) => `${column} = ?`).join(', ')
          edit(
            `UPDATE software_keys SET ${assignments} WHERE key_id = ?`,
            ...columns.map((column) => from[column]),
            to['key_id'],
          )(database)
        }
      }
    assert.match(await problemsAfter(swap(['sealed_private_key'])), /key .*: cannot be opened/)
    assert.match(
      await problemsAfter(swap(['sealed_private_key', 'public_key'])),
      /key .*: cannot be opened/,
    )
  })
})

describe('verification of an exported log', () => {
  const brokenAt = (change: (events: AuditEventView[]) => void): number | null => {
    const events = structuredClone([...evidence.exported])
    change(events)
    return verifyExportedLog(events).brokenAt
  }

  it('holds for what was exported, whole and from any event on', () => {
    assert.equal(
      brokenAt(() => undefined),
      null,
    )
    assert.equal(
      brokenAt((events) => events.splice(0, 5)),
      null,
    )
  })

  it('finds an edit, a deletion, another order and an insertion', () => {
    assert.equal(
      brokenAt((events) => (events[4]!.data = { forged: true })),
      5,
    )
    assert.equal(
      brokenAt((events) => (events[4]!.metadata.address = '192.0.2.1')),
      5,
    )
    assert.equal(
      brokenAt((events) => (events[4]!.at = '2000-01-01T00:00:00.000Z')),
      5,
    )
    assert.equal(
      brokenAt((events) => events.splice(4, 1)),
      5,
    )
    assert.equal(
      brokenAt((events) => events.splice(4, 2, events[5]!, events[4]!)),
      5,
    )
    assert.equal(
      brokenAt((events) => events.splice(4, 0, events[3]!)),
      5,
    )
  })

  it('finds what no hash covers', () => {
    assert.equal(
      brokenAt((events) => Object.assign(events[4]!, { note: 'forged' })),
      5,
    )
    assert.equal(
      brokenAt((events) => Object.assign(events[4]!.metadata, { note: 'forged' })),
      5,
    )
    assert.equal(
      brokenAt((events) => (events[4]!.at = events[4]!.at.replace('Z', '+00:00'))),
      5,
    )
  })

  it('finds a first event that is said to be the first and is not', () => {
    const renumbered = brokenAt((events) => {
      events.splice(0, 1)
      for (const event of events) event.number -= 1
    })
    assert.equal(renumbered, 1)
  })

  it('finds an edit whose own hash was made again, by the event behind it', () => {
    assert.equal(
      brokenAt((events) => {
        events[4]!.type = 'Forged.Done'
        hashAgain(events[4]!)
      }),
      6,
    )
  })

  it('finds a number that was made up, with the hash of it', () => {
    const { length } = evidence.exported
    const gap = brokenAt((events) => {
      events[length - 1]!.number += 1
      hashAgain(events[length - 1]!)
    })
    assert.equal(gap, length)
    const first = brokenAt((events) => {
      events.splice(0, length - 1)
      events[0]!.number = 1
      hashAgain(events[0]!)
    })
    assert.equal(first, 1)
  })

  it('is not of nothing at all', () => {
    assert.throws(() => verifyExportedLog([]), { code: 'ERR_AUDIT_EXPORT' })
  })
})

/** Gives an event the hash that fits it, as somebody would who edited it. */
function hashAgain(event: AuditEventView): void {
  const { number, previousHash, metadata, at, organizationId, type, objectId, data } = event
  const { actor, address, requestId } = metadata
  const actorId = actor?.id ?? null
  const time = Date.parse(at)
  const logged = { organizationId, type, at: time, actorId, address, requestId, objectId, data }
  event.hash = Buffer.from(
    hashAuditRecord(Buffer.from(previousHash, 'hex'), number, encodeAuditRecord(logged)),
  ).toString('hex')
}
