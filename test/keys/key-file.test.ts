import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { SIGNATURE_ALGORITHMS } from '../../src/crypto/algorithms.ts'
import { generatePrivateKey } from '../../src/crypto/private-key.ts'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import { encodeDer, encodeOid, encodeSequence } from '../../src/format/der-writer.ts'
import { encodePem } from '../../src/format/pem.ts'
import { encodeCosignKey, PASSPHRASE_HINT } from '../../src/keys/cosign-key.ts'
import { MAX_KEY_FILE_BYTES, readPrivateKeyFile } from '../../src/keys/key-file.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { openssl, opensslComponent } from '../x509/openssl.ts'
import { issue } from '../x509/test-authority.ts'

const bytesOf = (text: string | Uint8Array): Uint8Array => Uint8Array.from(Buffer.from(text))

/** Every wrong bit of these files is answered with one of our errors, or does not matter. */
async function damage(
  file: Uint8Array,
  passphrase: string,
  publicKey: Uint8Array,
  numRuns: number,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.nat({ max: 4 }),
      async (at, value, how) => {
        const index = at % file.length
        const inserted = [file.subarray(0, index), new Uint8Array([value]), file.subarray(index)]
        const damaged =
          how === 0
            ? file.subarray(0, index)
            : how === 1
              ? Buffer.concat(inserted)
              : Uint8Array.from(file)
        if (how > 1) damaged[index]! ^= value
        try {
          const read = await readPrivateKeyFile(damaged, passphrase)
          assert.deepEqual(Buffer.from(read.publicKey), Buffer.from(publicKey))
        } catch (thrown) {
          assert.ok(thrown instanceof ChanceryError, inspect(thrown))
        }
      },
    ),
    { numRuns },
  )
}

describe('private key files', () => {
  for (const algorithm of SIGNATURE_ALGORITHMS) {
    it(`${algorithm}: PEM and DER, plain and encrypted`, async () => {
      const key = await generatePrivateKey(algorithm)
      const node = createPrivateKey({
        key: Buffer.from(key.exportPkcs8()),
        format: 'der',
        type: 'pkcs8',
      })
      const encrypted = { type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'pässword' } as const
      const files = [
        node.export({ type: 'pkcs8', format: 'pem' }),
        node.export({ type: 'pkcs8', format: 'der' }),
        node.export({ ...encrypted, format: 'pem' }),
        node.export({ ...encrypted, format: 'der' }),
      ]
      if (algorithm.startsWith('ecdsa')) {
        files.push(node.export({ type: 'sec1', format: 'pem' }))
        files.push(node.export({ type: 'sec1', format: 'der' }))
      }
      if (algorithm.startsWith('rsa')) {
        files.push(node.export({ type: 'pkcs1', format: 'pem' }))
        files.push(node.export({ type: 'pkcs1', format: 'der' }))
      }
      for (const file of files) {
        const read = await readPrivateKeyFile(bytesOf(file), 'pässword')
        assert.equal(read.algorithm, algorithm)
        assert.equal(read.format, typeof file === 'string' ? 'pem' : 'der')
        assert.deepEqual(Buffer.from(read.publicKey), Buffer.from(key.publicKey))
        assert.deepEqual(read.chain, [])
      }
    })
  }

  it('PEM with certificates around the key gives their chain', async () => {
    const root = await issue('Root', { isAuthority: true })
    const leaf = await issue('Leaf', { issuer: root })
    const key = encodePem('PRIVATE KEY', leaf.privateKey.exportPkcs8())
    const certificates = [root, leaf].map((one) => encodePem('CERTIFICATE', one.certificate))
    const read = await readPrivateKeyFile(
      bytesOf(
        `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${certificates.join(key)}`,
      ),
    )
    assert.deepEqual(
      read.chain.map(({ subject }) => subject),
      ['CN=Leaf', 'CN=Root'],
    )
    const other = await generatePrivateKey('ecdsa-p256')
    const wrong = encodePem('PRIVATE KEY', other.exportPkcs8()) + certificates.join('')
    await assert.rejects(readPrivateKeyFile(bytesOf(wrong)), { code: 'ERR_X509_KEY' })
  })

  it('a wrong, missing or empty passphrase is told from a damaged file', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const file = bytesOf(
      privateKey.export({
        type: 'pkcs8',
        format: 'der',
        cipher: 'aes-128-cbc',
        passphrase: 'right',
      }),
    )
    for (const passphrase of [undefined, '', 'wrong', 'right ']) {
      await assert.rejects(readPrivateKeyFile(file, passphrase), {
        code: 'ERR_KEYS_PASSPHRASE',
        field: 'passphrase',
        hints: [PASSPHRASE_HINT],
      })
    }
    // One wrong passphrase in 256 leaves right padding.
    for (let i = 0; i < 600; i++) {
      await assert.rejects(readPrivateKeyFile(file, `wrong ${i}`), { code: 'ERR_KEYS_PASSPHRASE' })
    }
  })

  it('refuses weak and foreign keys, and says what they are', async () => {
    const cases: [KeyObject, RegExp][] = [
      [generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, /RSA key of 1024 bits/],
      [generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey, /secp256k1/],
      [generateKeyPairSync('ed448').privateKey, /ed448/],
    ]
    for (const [key, message] of cases) {
      const file = key.export({ type: 'pkcs8', format: 'pem' })
      await assert.rejects(readPrivateKeyFile(bytesOf(file)), { code: 'ERR_CRYPTO_KEY', message })
    }
  })

  it('refuses a key whose halves differ', async () => {
    const key = await generatePrivateKey('ecdsa-p256')
    const other = await generatePrivateKey('ecdsa-p256')
    const pkcs8 = Uint8Array.from(key.exportPkcs8())
    pkcs8.set(other.publicKey.subarray(-65), pkcs8.length - 65)
    await assert.rejects(readPrivateKeyFile(pkcs8), { code: 'ERR_CRYPTO_KEY' })
  })

  it('refuses what is no private key file', async () => {
    const leaf = await issue('Leaf')
    const key = encodePem('PRIVATE KEY', leaf.privateKey.exportPkcs8())
    for (const file of [
      new Uint8Array(0),
      'hello',
      encodePem('CERTIFICATE', leaf.certificate),
      encodePem('OPENSSH PRIVATE KEY', new Uint8Array(8)),
      key + key,
      leaf.certificate,
      leaf.privateKey.publicKey,
      encodeSequence(),
      leaf.privateKey.exportPkcs8().subarray(0, -1),
      encodePem('PRIVATE KEY', new Uint8Array(8)),
      encodePem('EC PRIVATE KEY', leaf.privateKey.exportPkcs8()),
      encodePem('ENCRYPTED PRIVATE KEY', leaf.privateKey.exportPkcs8()),
      new Uint8Array(MAX_KEY_FILE_BYTES + 1),
    ]) {
      await assert.rejects(readPrivateKeyFile(bytesOf(file)), { code: 'ERR_KEYS_FILE' })
    }
    const notAKey = encodeSequence(encodeDer(2, new Uint8Array(1)), encodeSequence())
    await assert.rejects(readPrivateKeyFile(notAKey), { code: 'ERR_CRYPTO_KEY' })
    const traditional = key.replace('KEY-----\n', 'KEY-----\nProc-Type: 4,ENCRYPTED\n')
    await assert.rejects(readPrivateKeyFile(bytesOf(traditional)), { code: 'ERR_FORMAT_PEM' })
  })

  it('refuses encryption that asks for hours of work', async () => {
    const huge = encodeDer(0x02, new Uint8Array([0x7f, 0xff, 0xff, 0xff]))
    const salt = encodeDer(0x04, new Uint8Array(8))
    const pbkdf2 = encodeSequence(encodeOid('1.2.840.113549.1.5.12'), encodeSequence(salt, huge))
    const scrypt = encodeSequence(
      encodeOid('1.3.6.1.4.1.11591.4.11'),
      encodeSequence(
        salt,
        huge,
        encodeDer(2, new Uint8Array([8])),
        encodeDer(2, new Uint8Array([1])),
      ),
    )
    const aes = encodeSequence(
      encodeOid('2.16.840.1.101.3.4.1.42'),
      encodeDer(0x04, new Uint8Array(16)),
    )
    const ciphertext = encodeDer(0x04, new Uint8Array(32))
    for (const algorithm of [
      encodeSequence(encodeOid('1.2.840.113549.1.5.13'), encodeSequence(pbkdf2, aes)),
      encodeSequence(encodeOid('1.2.840.113549.1.5.13'), encodeSequence(scrypt, aes)),
      encodeSequence(encodeOid('1.2.840.113549.1.12.1.3'), encodeSequence(salt, huge)),
      encodeSequence(encodeOid('1.2.3.4'), encodeSequence()),
    ]) {
      const started = performance.now()
      await assert.rejects(readPrivateKeyFile(encodeSequence(algorithm, ciphertext), 'x'), {
        code: 'ERR_KEYS_FILE',
      })
      assert.ok(performance.now() - started < 30_000)
    }
  })

  it('does not change the bytes it was given, nor print the key', async () => {
    const key = await generatePrivateKey('ecdsa-p256')
    const file = bytesOf(key.exportPkcs8())
    const before = Uint8Array.from(file)
    const read = await readPrivateKeyFile(file)
    assert.deepEqual(file, before)
    const printed = inspect(read, { depth: 9, showHidden: true }) + JSON.stringify(read)
    const scalar = Buffer.from(file.subarray(36, 68))
    assert.ok(!printed.includes(scalar.toString('hex').slice(0, 12)))
    assert.ok(!printed.replaceAll(/\s/g, '').includes([...scalar.subarray(0, 5)].join(',')))
  })

  it('writes out the point of a file that has it compressed or hybrid', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const spki = publicKey.export({ type: 'spki', format: 'der' })
    const der = privateKey.export({ type: 'pkcs8', format: 'der' })
    const at = der.indexOf(spki.subarray(-65))
    const isEven = (spki.at(-1)! & 1) === 0
    der[at] = isEven ? 6 : 7
    const read = await readPrivateKeyFile(bytesOf(der))
    assert.deepEqual(Buffer.from(read.publicKey), spki)
  })

  it('damaged files: plain, encrypted and PEM', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const spki = publicKey.export({ type: 'spki', format: 'der' })
    const encrypted = { cipher: 'aes-256-cbc', passphrase: 'p' } as const
    await damage(bytesOf(privateKey.export({ type: 'pkcs8', format: 'der' })), 'p', spki, 300)
    await damage(
      bytesOf(privateKey.export({ type: 'pkcs8', format: 'der', ...encrypted })),
      'p',
      spki,
      300,
    )
    await damage(bytesOf(privateKey.export({ type: 'sec1', format: 'pem' })), 'p', spki, 300)
  })
})

describe('cosign.key', () => {
  it('opens what it wrote, with an empty passphrase too', async () => {
    const key = await generatePrivateKey('ecdsa-p256')
    for (const passphrase of ['secret', '']) {
      const file = bytesOf(await encodeCosignKey(key.exportPkcs8(), passphrase))
      const read = await readPrivateKeyFile(file, passphrase)
      assert.equal(read.format, 'cosign')
      assert.deepEqual(Buffer.from(read.publicKey), Buffer.from(key.publicKey))
      await assert.rejects(readPrivateKeyFile(file, 'wrong'), { code: 'ERR_KEYS_PASSPHRASE' })
    }
  })

  it('refuses other costs, ciphers and damaged bodies before deriving a key', async () => {
    const body = {
      kdf: {
        name: 'scrypt',
        params: { N: 65536, r: 8, p: 1 } as Record<string, unknown>,
        salt: 'AAAA',
      },
      cipher: { name: 'nacl/secretbox', nonce: Buffer.alloc(24).toString('base64') },
      ciphertext: 'AAAA',
    }
    const params = [
      { N: 2 ** 30, r: 8, p: 1 },
      { N: 65537, r: 8, p: 1 },
      { N: '65536', r: 8, p: 1 },
      { N: 65536, r: 1024, p: 1 },
      { N: 65536, r: 8, p: 1024 },
      {},
    ]
    const bodies: unknown[] = [
      ...params.map((one) => ({ ...body, kdf: { ...body.kdf, params: one } })),
      { ...body, kdf: { ...body.kdf, name: 'argon2' } },
      { ...body, kdf: null },
      { ...body, cipher: { ...body.cipher, name: 'aes' } },
      { ...body, cipher: { ...body.cipher, nonce: 'AAAA' } },
      { ...body, ciphertext: '!' },
      { ...body, ciphertext: {} },
      [],
      null,
      'text',
    ]
    for (const one of bodies) {
      const file = encodePem('ENCRYPTED COSIGN PRIVATE KEY', Buffer.from(JSON.stringify(one)))
      await assert.rejects(readPrivateKeyFile(bytesOf(file), ''), { code: 'ERR_KEYS_FILE' })
    }
    for (const text of ['', '{', '{"kdf":1,"kdf":2}', '\xff']) {
      const file = encodePem('ENCRYPTED SIGSTORE PRIVATE KEY', Buffer.from(text, 'latin1'))
      await assert.rejects(readPrivateKeyFile(bytesOf(file), ''), { code: 'ERR_KEYS_FILE' })
    }
    const wellFormed = encodePem(
      'ENCRYPTED SIGSTORE PRIVATE KEY',
      Buffer.from(JSON.stringify(body)),
    )
    await assert.rejects(readPrivateKeyFile(bytesOf(wellFormed), ''), {
      code: 'ERR_KEYS_PASSPHRASE',
    })
  })

  it('damaged files', async () => {
    const key = await generatePrivateKey('ed25519')
    const file = bytesOf(await encodeCosignKey(key.exportPkcs8(), 'p'))
    await damage(file, 'p', key.publicKey, 40)
  })
})

describe('OpenSSL private key files', { skip: opensslComponent.absent }, () => {
  it('encrypted PKCS#8 in every form it writes today and wrote before', async () => {
    await using directory = await createTemporaryDirectory()
    const { path } = directory
    await openssl(path, 'genpkey -algorithm ed25519 -out key.pem')
    const { publicKey } = await readPrivateKeyFile(await readFile(join(path, 'key.pem')))
    for (const how of [
      '-v2 aes-256-cbc',
      '-v2 aes-192-cbc -v2prf hmacWithSHA1',
      '-v2 aes-128-cbc -v2prf hmacWithSHA512',
      '-v2 des3 -iter 1',
      '-scrypt',
      '-v1 PBE-SHA1-3DES',
      '-v1 PBE-SHA1-RC2-40 -provider legacy -provider default',
      '-v1 PBE-SHA1-RC2-128 -provider legacy -provider default',
    ]) {
      await openssl(path, `pkcs8 -topk8 -in key.pem -out e.pem -passout pass:pass ${how}`)
      const file = await readFile(join(path, 'e.pem'))
      const read = await readPrivateKeyFile(file, 'pass')
      assert.deepEqual(read.publicKey, publicKey, how)
      await assert.rejects(readPrivateKeyFile(file, 'Pass'), { code: 'ERR_KEYS_PASSPHRASE' }, how)
    }
  })

  for (const [mode, how] of [
    ['modern', ''],
    ['legacy', ' -legacy'],
    ['Java-like', ' -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha512 -iter 5000'],
    ['unencrypted', ' -keypbe NONE -certpbe NONE'],
    ['AES-128', ' -keypbe AES-128-CBC -certpbe AES-128-CBC -macalg sha384'],
  ] as const) {
    it(`PKCS#12, ${mode}: key and chain, MAC checked, damaged files refused`, async () => {
      await using directory = await createTemporaryDirectory()
      const { path } = directory
      const root = await issue('Root', { isAuthority: true })
      const leaf = await issue('Leaf', { issuer: root, algorithm: 'rsa-2048' })
      await writeFile(
        join(path, 'key.pem'),
        encodePem('PRIVATE KEY', leaf.privateKey.exportPkcs8()),
      )
      await writeFile(join(path, 'leaf.pem'), encodePem('CERTIFICATE', leaf.certificate))
      await writeFile(join(path, 'root.pem'), encodePem('CERTIFICATE', root.certificate))
      for (const passphrase of ['pässword', '']) {
        await openssl(
          path,
          `pkcs12 -export -inkey key.pem -in leaf.pem -certfile root.pem -out a.p12 -name release${how} -passout`,
          `pass:${passphrase}`,
        )
        const file = bytesOf(await readFile(join(path, 'a.p12')))
        const read = await readPrivateKeyFile(file, passphrase)
        assert.equal(read.format, 'pkcs12')
        assert.equal(read.algorithm, 'rsa-2048')
        assert.deepEqual(Buffer.from(read.publicKey), Buffer.from(leaf.privateKey.publicKey))
        assert.deepEqual(
          read.chain.map(({ subject }) => subject),
          ['CN=Leaf', 'CN=Root'],
        )
        for (const wrong of ['wrong', 'Pässword']) {
          await assert.rejects(readPrivateKeyFile(file, wrong), { code: 'ERR_KEYS_PASSPHRASE' })
        }
        // Anything inside the authenticated content is covered by the MAC.
        const changed = Uint8Array.from(file)
        changed[changed.length >> 1]! ^= 1
        await assert.rejects(readPrivateKeyFile(changed, passphrase), {
          code: 'ERR_KEYS_PASSPHRASE',
        })
        if (passphrase !== '') await damage(file, passphrase, read.publicKey, 60)
      }
    })
  }

  it('PKCS#12 without a key, without a MAC, and not DER', async () => {
    await using directory = await createTemporaryDirectory()
    const { path } = directory
    const leaf = await issue('Leaf')
    await writeFile(join(path, 'key.pem'), encodePem('PRIVATE KEY', leaf.privateKey.exportPkcs8()))
    await writeFile(join(path, 'leaf.pem'), encodePem('CERTIFICATE', leaf.certificate))
    const base = 'pkcs12 -export -in leaf.pem -passout pass:p -out'
    await openssl(path, `${base} nokey.p12 -nokeys`)
    await openssl(path, `${base} nomac.p12 -inkey key.pem -nomac`)
    for (const name of ['nokey.p12', 'nomac.p12']) {
      const file = bytesOf(await readFile(join(path, name)))
      await assert.rejects(readPrivateKeyFile(file, 'p'), { code: 'ERR_KEYS_FILE' })
    }
    const indefinite = new Uint8Array([0x30, 0x80, 0x02, 0x01, 0x03, 0x00, 0x00])
    await assert.rejects(readPrivateKeyFile(indefinite, 'p'), { code: 'ERR_KEYS_FILE' })
  })
})
