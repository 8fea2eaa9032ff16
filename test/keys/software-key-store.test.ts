import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import Database from 'better-sqlite3'
import { SIGNATURE_ALGORITHMS } from '../../src/crypto/algorithms.ts'
import { generatePrivateKey, importPrivateKey } from '../../src/crypto/private-key.ts'
import { randomGuid } from '../../src/crypto/random.ts'
import { verifySignature } from '../../src/crypto/verify-signature.ts'
import { createDatabaseFile } from '../../src/db/database-file.ts'
import { SqliteReader } from '../../src/db/sqlite-reader.ts'
import { createMasterKey, generateMasterKey } from '../../src/keys/master-key.ts'
import { SoftwareKeyStore, type KeyOwner, type NewKey } from '../../src/keys/software-key-store.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const message = Buffer.from('message')
const organizationId = randomGuid(1)
const newOwner = (): KeyOwner => ({ keyId: randomGuid(2), organizationId, createdAt: 2 })

async function openStore() {
  const directory = await createTemporaryDirectory()
  const path = join(directory.path, 'chancery.db')
  createDatabaseFile(path)
  const database = new Database(path)
  const reader = new SqliteReader(database)
  const masterKey = await createMasterKey(
    { kind: 'key', base64: generateMasterKey() },
    directory.path,
  )
  return {
    store: new SoftwareKeyStore(reader, masterKey),
    /** The same database after a restart. */
    reopen: () => new SoftwareKeyStore(reader, masterKey),
    database,
    reader,
    commit(key: NewKey) {
      for (const { sql, parameters, expectChanges } of key.statements) {
        assert.equal(database.prepare(sql).run(...parameters).changes, expectChanges)
      }
    },
    async [Symbol.asyncDispose]() {
      database.close()
      await directory[Symbol.asyncDispose]()
    },
  }
}

describe('SoftwareKeyStore', () => {
  it('a committed key of every algorithm signs after a restart', async () => {
    await using opened = await openStore()
    for (const algorithm of SIGNATURE_ALGORITHMS) {
      const owner = newOwner()
      const key = await opened.store.generate(algorithm, owner)
      assert.throws(() => opened.store.openSigner(owner.keyId), { code: 'ERR_KEYS_MISSING' })
      opened.commit(key)
      const signer = opened.reopen().openSigner(owner.keyId)
      assert.equal(signer.keyId, owner.keyId)
      assert.equal(signer.algorithm, algorithm)
      assert.deepEqual(Buffer.from(signer.publicKey), Buffer.from(key.publicKey))
      const scheme = { hash: 'sha256', rsaPadding: 'pkcs1' } as const
      verifySignature(key.publicKey, message, await signer.sign(message, scheme), scheme)
      verifySignature(key.publicKey, message, await key.signer.sign(message, scheme), scheme)
    }
  })

  it('keeps an opened key and forgets it when told', async () => {
    await using opened = await openStore()
    const owner = newOwner()
    opened.commit(await opened.store.generate('ecdsa-p256', owner))
    const signer = opened.store.openSigner(owner.keyId)
    assert.equal(opened.store.openSigner(owner.keyId), signer)
    opened.database.exec('DELETE FROM software_keys')
    assert.equal(opened.store.openSigner(owner.keyId), signer)
    opened.store.forget(owner.keyId)
    assert.throws(() => opened.store.openSigner(owner.keyId), { code: 'ERR_KEYS_MISSING' })
  })

  it('a row that was changed, swapped or given to another organization does not open', async () => {
    await using opened = await openStore()
    const [one, two] = [newOwner(), newOwner()]
    opened.commit(await opened.store.generate('ecdsa-p256', one))
    opened.commit(await opened.store.generate('ecdsa-p256', two))
    const row = 'SELECT sealed_private_key FROM software_keys WHERE key_id = '
    for (const damage of [
      `sealed_private_key = (${row} '${two.keyId}')`,
      `public_key = (SELECT public_key FROM software_keys WHERE key_id = '${two.keyId}')`,
      `organization_id = '${randomGuid(3)}'`,
      `algorithm = 'ecdsa-p384'`,
      `algorithm = 'nonsense'`,
      `sealed_private_key = x''`,
      `sealed_private_key = CAST(x'00' || substr(sealed_private_key, 2) AS BLOB)`,
      `sealed_private_key = substr(sealed_private_key, 1, 60)`,
    ]) {
      opened.database.exec(`SAVEPOINT intact;
        UPDATE software_keys SET ${damage} WHERE key_id = '${one.keyId}'`)
      assert.throws(
        () => opened.reopen().openSigner(one.keyId),
        { code: 'ERR_KEYS_UNAVAILABLE' },
        damage,
      )
      opened.database.exec('ROLLBACK TO intact')
    }
    opened.reopen().openSigner(one.keyId)
  })

  it('does not open under another master key', async () => {
    await using opened = await openStore()
    await using other = await openStore()
    const owner = newOwner()
    const key = await opened.store.generate('ed25519', owner)
    other.commit(key)
    assert.throws(() => other.store.openSigner(owner.keyId), { code: 'ERR_KEYS_UNAVAILABLE' })
  })

  it('imports a key, and not one whose halves differ', async () => {
    await using opened = await openStore()
    const privateKey = await generatePrivateKey('ecdsa-p256')
    const owner = newOwner()
    opened.commit(opened.store.import(privateKey, owner))
    const signer = opened.reopen().openSigner(owner.keyId)
    assert.deepEqual(Buffer.from(signer.publicKey), Buffer.from(privateKey.publicKey))

    const pkcs8 = Uint8Array.from(privateKey.exportPkcs8())
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    pkcs8.set(other.export({ type: 'spki', format: 'der' }).subarray(-65), pkcs8.length - 65)
    const mismatched = importPrivateKey(pkcs8, 'pkcs8')
    assert.throws(() => opened.store.import(mismatched, newOwner()), { code: 'ERR_CRYPTO_KEY' })
  })

  it('shows no key bytes, whatever is printed', async () => {
    await using opened = await openStore()
    const privateKey = await generatePrivateKey('ecdsa-p256')
    const scalar = Buffer.from(privateKey.exportPkcs8().subarray(36, 68))
    const owner = newOwner()
    const key = opened.store.import(privateKey, owner)
    opened.commit(key)
    opened.database.exec("UPDATE software_keys SET algorithm = 'ed25519'")
    const printed = [inspect(key, { depth: 9, showHidden: true, maxArrayLength: null })]
    printed.push(inspect(opened.store, { depth: 9, showHidden: true }), JSON.stringify(key))
    try {
      opened.store.openSigner(owner.keyId)
      assert.fail('it opened')
    } catch (thrown) {
      printed.push(inspect(thrown, { depth: 9, showHidden: true }))
    }
    for (const text of printed) {
      assert.ok(!text.includes(scalar.toString('hex').slice(0, 16)))
      assert.ok(!text.includes(scalar.toString('base64').slice(0, 12)))
      assert.ok(!text.includes(inspect(scalar).slice(8, 28)))
      assert.ok(!text.replaceAll(/\s+/g, '').includes([...scalar.subarray(0, 6)].join(',')))
    }
  })
})
