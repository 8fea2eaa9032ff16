import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from '../../src/crypto/algorithms.ts'
import { readZip } from '../../src/format/zip-reader.ts'
import { writeZip } from '../../src/format/zip-writer.ts'
import { anyAbsent, component, type Component } from '../support/components.ts'
import { startConfiguredServer, type ConfiguredServer } from '../support/configured-server.ts'
import { bash, createShell, type Shell } from '../support/shell.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const openssl = component('openssl')
const skip = anyAbsent(openssl, bash)

const PAYLOAD = JSON.stringify({
  critical: {
    identity: { 'docker-reference': 'registry.acme.test/team/app' },
    image: { 'docker-manifest-digest': `sha256:${'0123456789abcdef'.repeat(4)}` },
    type: 'cosign container image signature',
  },
  optional: null,
})

/** The policies carry the slug of the certificate that signs. */
const CONFIGURATION = `
users:
  - { name: ci, type: ci }
certificates:
${SIGNATURE_ALGORITHMS.map((slug) => `  - { slug: ${slug}, algorithm: ${slug}, subject: { commonName: ${slug} } }`).join('\n')}
projects:
  - slug: app
    artifactConfigurations:
      - slug: chosen
        xml: |
          <artifact-configuration xmlns="http://signpath.io/artifact-configuration/v1">
            <parameters>
              <parameter name="Hash" default-value="sha256" />
              <parameter name="Padding" default-value="pkcs1" />
            </parameters>
            <zip-file>
              <file path="*.json">
                <create-raw-signature output-file-name="\${file.name}.sig" hash-algorithm="\${Hash}" rsa-padding="\${Padding}" />
              </file>
            </zip-file>
          </artifact-configuration>
    defaultArtifactConfiguration: chosen
    signingPolicies:
${SIGNATURE_ALGORITHMS.map((slug) => `      - { slug: ${slug}, certificate: ${slug}, submitters: { users: [ci] }, allowedImages: ['registry.acme.test/**'] }`).join('\n')}
`

let signing: ConfiguredServer
const resources = new AsyncDisposableStack()
before(async () => {
  if (skip === false) signing = resources.use(await startConfiguredServer(CONFIGURATION))
})
after(() => resources.disposeAsync())

/** Calls the service as the CI user, to a good end. */
async function call(url: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${signing.submitterToken}` }
  const answer = await fetch(url, { ...init, headers })
  assert.ok(answer.ok, `${url}: ${answer.status}`)
  return answer
}

/** Has `payload.json` signed; it and `payload.json.sig` are in the directory afterwards. */
async function sign(
  shell: Shell,
  policy: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<void> {
  const entry = { path: 'payload.json', bytes: new TextEncoder().encode(PAYLOAD) }
  const artifact = new Blob([new Uint8Array(writeZip([entry], new Date()))])
  const form = new FormData()
  form.set('ProjectSlug', 'app')
  form.set('SigningPolicySlug', policy)
  for (const [name, value] of Object.entries(parameters)) form.set(`Parameters.${name}`, value)
  form.set('Artifact', artifact, 'payload.json.zip')
  const submit = `${requestsUrl()}/SubmitWithArtifact`
  const location = (await call(submit, { method: 'POST', body: form })).headers.get('location')!
  let isFinal = false
  while (!isFinal) {
    const status = await call(`${location}/Status`)
    isFinal = ((await status.json()) as { isFinalStatus: boolean }).isFinalStatus
  }
  const signed = await (await call(`${location}/SignedArtifact`)).bytes()
  for (const file of readZip(signed).entries) {
    await writeFile(join(shell.directory, file.path), file.read())
  }
}

function requestsUrl(): string {
  return `${signing.apiUrl}/v1/${signing.server.organizationId}/SigningRequests`
}

/** Has a policy sign with a certificate. */
async function addPolicy(certificate: string): Promise<void> {
  const rules = ['--submitter', 'ci', '--allowed-image', 'registry.acme.test/**']
  await signing.run([
    ...['policies', 'create', 'app', certificate, '--certificate', certificate],
    ...rules,
  ])
}

async function run(shell: Shell, script: string, code = 0): Promise<string> {
  const finished = await shell.run(script)
  assert.equal(finished.code, code, `${script}: ${finished.stdout}${finished.stderr}`)
  return finished.stdout
}

async function createOpensslShell(directory: string, cosign?: Component): Promise<Shell> {
  const more = cosign === undefined ? {} : { cosign }
  return createShell(directory, { openssl, ...more })
}

const PSS = '-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sigopt rsa_mgf1_md'

/** What verifies `payload.json.sig` of such a key, without the name of the file that is verified. */
function verification(algorithm: SignatureAlgorithm, hash: string, padding: string): string {
  if (algorithm === 'ed25519') {
    return 'openssl pkeyutl -verify -pubin -inkey key.pub -rawin -sigfile payload.json.sig -in'
  }
  const options = padding === 'pss' ? `${PSS}:${hash} ` : ''
  return `openssl dgst -${hash} ${options}-verify key.pub -signature payload.json.sig`
}

describe('openssl verifies what the service signed', { skip }, () => {
  const publicKeys = new Map<SignatureAlgorithm, Uint8Array>()
  before(async () => {
    for (const algorithm of SIGNATURE_ALGORITHMS) {
      const { stdoutBytes } = await signing.run(['certificates', 'download', algorithm])
      publicKeys.set(algorithm, stdoutBytes)
    }
  })

  for (const algorithm of SIGNATURE_ALGORITHMS) {
    const isRsa = algorithm.startsWith('rsa')
    const hashes = algorithm === 'ed25519' ? ['sha256'] : ['sha256', 'sha384', 'sha512']
    const cases = hashes.flatMap((hash) => {
      return (isRsa ? ['pkcs1', 'pss'] : ['pkcs1']).map((padding) => ({ hash, padding }))
    })
    for (const { hash, padding } of cases) {
      const details = isRsa ? `${hash}, ${padding}` : hash
      it(`with ${algorithm} (${details}), and no other file`, async () => {
        await using directory = await createTemporaryDirectory()
        const shell = await createOpensslShell(directory.path)
        await sign(shell, algorithm, { Hash: hash, Padding: padding })
        await writeFile(join(directory.path, 'key.pub'), publicKeys.get(algorithm)!)
        const verify = verification(algorithm, hash, padding)
        assert.match(
          await run(shell, `${verify} payload.json`),
          /^(Verified OK|Signature Verified)/,
        )
        await run(shell, `sed 's/team/TEAM/' payload.json > other.json; ${verify} other.json`, 1)
      })
    }
  }

  it('is told by the API and the CLI which keys some cosign versions cannot verify', async () => {
    const { stdout } = await signing.run(['certificates', 'list', '--json'])
    const { certificates } = JSON.parse(stdout) as {
      certificates: { slug: string; algorithm: string; warnings: string[] }[]
    }
    const own = certificates.filter(({ slug, algorithm }) => slug === algorithm)
    const warned = own.filter(({ warnings }) => warnings.some((one) => one.includes('cosign')))
    const slugs = warned.map(({ slug }) => slug).sort()
    assert.deepEqual(slugs, ['ecdsa-p384', 'ecdsa-p521', 'ed25519'])
    for (const { slug, warnings } of warned) {
      const { stderr } = await signing.run(['certificates', 'show', slug])
      for (const warning of warnings) assert.ok(stderr.includes(warning), stderr)
    }
  })
})

describe('keys that others made sign as before', { skip }, () => {
  const makers = {
    'PKCS#12': `
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out crt.pem -subj /CN=Old -days 30
      openssl pkcs12 -export -inkey key.pem -in crt.pem -passout pass:secret -out key.file`,
    'PKCS#12 of the old kind': `
      openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out crt.pem -subj /CN=Old -days 30
      openssl pkcs12 -export -legacy -inkey key.pem -in crt.pem -passout pass:secret -out key.file`,
    'PKCS#8': 'openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out key.file',
    'encrypted PKCS#8':
      'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:secret -out key.file',
    SEC1: 'openssl ecparam -genkey -noout -name prime256v1 -out key.file',
    'PKCS#1': 'openssl genrsa -traditional -out key.file 2048',
  }
  for (const [kind, make] of Object.entries(makers)) {
    it(`from ${kind}`, async () => {
      await using directory = await createTemporaryDirectory()
      const shell = await createOpensslShell(directory.path)
      const readPublic = kind.startsWith('PKCS#12')
        ? 'openssl x509 -in crt.pem -pubkey -noout'
        : 'openssl pkey -in key.file -passin pass:secret -pubout'
      await run(shell, `${make}\n${readPublic} > key.pub`)
      await importAndVerify(shell, kind, 'key.file', /encrypted|12/.test(kind))
    })
  }

  for (const cosign of [component('cosign-2'), component('cosign-3')]) {
    it(
      `from the cosign.key of ${cosign.name}`,
      { skip: anyAbsent(cosign, openssl, bash) },
      async () => {
        await using directory = await createTemporaryDirectory()
        const shell = await createOpensslShell(directory.path, cosign)
        await run(shell, 'COSIGN_PASSWORD=secret cosign generate-key-pair && cp cosign.pub key.pub')
        await importAndVerify(shell, cosign.name, 'cosign.key', true)
      },
    )
  }

  async function importAndVerify(
    shell: Shell,
    kind: string,
    file: string,
    isEncrypted: boolean,
  ): Promise<void> {
    const slug = kind.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
    const call = ['certificates', 'import', slug, file]
    const options = isEncrypted ? ['--passphrase-stdin'] : []
    const input = isEncrypted ? 'secret\n' : ''
    await signing.run([...call, ...options], { cwd: shell.directory, input })
    await addPolicy(slug)
    await sign(shell, slug)
    const verify = verification('ecdsa-p256', 'sha256', 'pkcs1')
    assert.match(await run(shell, `${verify} payload.json`), /^Verified OK/)
    const { stdout } = await signing.run(['certificates', 'download', slug])
    assert.equal(stdout, await run(shell, 'cat key.pub'))
  }
})

describe('certificates of a CA', { skip }, () => {
  const CA = `
    openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -subj '/O=Acme/CN=Root' -days 30 \\
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
    openssl req -verify -noout -in release.csr
    printf 'keyUsage=critical,digitalSignature\\nextendedKeyUsage=codeSigning\\n' > leaf.ext
    openssl x509 -req -in release.csr -CA root.pem -CAkey root.key -set_serial 4711 -days 20 -extfile leaf.ext -out leaf.pem
    cat leaf.pem root.pem > chain.pem
    openssl x509 -in leaf.pem -outform DER -out leaf.der
    openssl crl2pkcs7 -nocrl -certfile chain.pem -outform DER -out chain.p7b
    openssl crl2pkcs7 -nocrl -certfile chain.pem -out chain.p7.pem`
  const files = {
    'chain.pem': 'rsa-3072',
    'leaf.der': 'ecdsa-p256',
    'chain.p7b': 'ecdsa-p384',
    'chain.p7.pem': 'ed25519',
  } as const
  for (const [file, algorithm] of Object.entries(files)) {
    it(`issued for a request with ${algorithm}, uploaded as ${file}, sign`, async () => {
      await using directory = await createTemporaryDirectory()
      const shell = await createOpensslShell(directory.path)
      const options = { cwd: directory.path }
      const slug = `ca-${algorithm}`
      const names = ['--common-name', 'Release', '--organization-name', 'Acme', '--country', 'AT']
      const output = ['--output', 'release.csr', '--algorithm', algorithm]
      await signing.run(['certificates', 'csr', slug, ...names, ...output], options)
      await run(shell, CA)
      await signing.run(['certificates', 'upload', slug, file], options)
      await addPolicy(slug)
      await sign(shell, slug)

      const download = ['certificates', 'download', slug, '--output']
      await signing.run([...download, 'chain.out', '--what', 'chain'], options)
      await signing.run([...download, 'leaf.out', '--what', 'certificate'], options)
      await run(shell, 'openssl x509 -in leaf.out -inform DER -pubkey -noout > key.pub')
      await run(shell, `${verification(algorithm, 'sha256', 'pkcs1')} payload.json`)
      const expected = file === 'leaf.der' ? 'leaf.pem' : 'chain.pem'
      assert.equal(
        await run(shell, 'grep -v "^$" chain.out'),
        await run(shell, `grep -v "^$" ${expected}`),
      )
      const verified = await run(shell, 'openssl verify -CAfile root.pem -purpose any chain.out')
      assert.match(verified, /chain\.out: OK/)
      const { stdout } = await signing.run(['certificates', 'show', slug])
      assert.match(stdout, /CN=Root/)
    })
  }

  it('for another key are refused', async () => {
    await using directory = await createTemporaryDirectory()
    const shell = await createOpensslShell(directory.path)
    const options = { cwd: directory.path }
    await signing.run(['certificates', 'csr', 'ca-refused', '--output', 'release.csr'], options)
    await run(
      shell,
      'openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out other.pem -subj /CN=O',
    )
    const upload = signing.run(['certificates', 'upload', 'ca-refused', 'other.pem'], options)
    await assert.rejects(upload, /key/)
  })
})
