import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { anyAbsent, component } from '../support/components.ts'
import { startConfiguredServer, type ConfiguredServer } from '../support/configured-server.ts'
import { pushTestImage } from '../support/images.ts'
import { realRegistries, type RunningRegistry } from '../support/registries.ts'
import { bash, createShell, type Shell } from '../support/shell.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const CONFIGURATION = `
users:
  - { name: ci, type: ci }
  - { name: approver, type: ci }
certificates:
  - { slug: release, name: Release, algorithm: ecdsa-p256, subject: { commonName: Release } }
  - { slug: other, name: Other, algorithm: rsa-3072, subject: { commonName: Other } }
projects:
  - slug: app
    name: App
    signingPolicies:
      - slug: test-signing
        name: Test signing
        certificate: release
        submitters: { users: [ci] }
        allowedImages: ['127.0.0.1:*/team/**']
      - slug: rsa-signing
        name: RSA signing
        certificate: other
        submitters: { users: [ci] }
        allowedImages: ['127.0.0.1:*/team/**']
      - slug: release-signing
        name: Release signing
        certificate: release
        submitters: { users: [ci] }
        approvers: { users: [approver] }
        requiredApprovals: 1
        allowedImages: ['127.0.0.1:*/team/**']
`

/** Step 1 of SignPath's documented flow: the metadata file. */
const GENERATE = `
cosign generate $IMAGE_DIGEST > payload.json
zip payload.json.zip payload.json
`

/** Step 2, as its documentation of the REST API has it. */
const SUBMIT = `
curl --silent --show-error --fail-with-body -D headers.txt -o submitted.json \\
  -H "Authorization: Bearer $SIGNPATH_API_TOKEN" \\
  -F ProjectSlug=$SIGNPATH_PROJECT_SLUG \\
  -F SigningPolicySlug=$SIGNPATH_SIGNING_POLICY_SLUG \\
  -F Description= \\
  -F Artifact=@payload.json.zip \\
  $SIGNPATH_API/v1/$SIGNPATH_ORGANIZATION_ID/$ROUTE
LOCATION=$(sed -n 's/^location: *//Ip' headers.txt | tr -d '\\r')
echo $LOCATION > location.txt
`

const WAIT_AND_DOWNLOAD = `
LOCATION=$(cat location.txt)
for attempt in $(seq 600); do
  curl --silent --show-error --fail-with-body -o status.json \\
    -H "Authorization: Bearer $SIGNPATH_API_TOKEN" $LOCATION/Status
  if [ $(jq -r .isFinalStatus status.json) = true ]; then break; fi
  sleep 0.2
done
if [ $(jq -r .status status.json) != Completed ]; then
  echo "The signing request is $(jq -r .status status.json)." >&2
  exit 1
fi
curl --silent --show-error --fail-with-body -o payload.json.signed.zip \\
  -H "Authorization: Bearer $SIGNPATH_API_TOKEN" $LOCATION/SignedArtifact
`

/** Step 3: the signature goes to the image. */
const UNPACK = `
unzip -n payload.json.signed.zip
base64 payload.json.sig > payload.json.base64.sig
`
const ATTACH = `
cosign attach signature --payload payload.json --signature payload.json.base64.sig $IMAGE_DIGEST
`

/** `verify.sh` of SignPath's demo repository. */
const VERIFY = `
SIGNING_REQUEST_ID=$(sed 's|.*/||' location.txt)
curl --silent --show-error --fail-with-body -o cert.cer -L -H "Authorization: Bearer $SIGNPATH_API_TOKEN" \\
  $SIGNPATH_API/v1-pre/$SIGNPATH_ORGANIZATION_ID/SigningRequests/$SIGNING_REQUEST_ID/X509Certificate
openssl x509 -pubkey -noout -in cert.cer -inform DER > pubkey.pem
cosign verify --insecure-ignore-tlog=true --key pubkey.pem $IMAGE_DIGEST
`
const VERIFY_AGAIN = 'cosign verify --insecure-ignore-tlog=true --key pubkey.pem $IMAGE_DIGEST'

const tools = {
  curl: component('curl'),
  jq: component('jq'),
  openssl: component('openssl'),
  unzip: component('unzip'),
  zip: component('zip'),
}
const ROUTES = ['SigningRequests/SubmitWithArtifact', 'SigningRequests']

const combinations = [component('cosign-2'), component('cosign-3')].flatMap((cosign) =>
  realRegistries.map(([registryComponent, start]) => ({
    cosign,
    start,
    name: `${cosign.name} on ${registryComponent.name}`,
    skip: anyAbsent(cosign, registryComponent, ...Object.values(tools), bash),
  })),
)

let signing: ConfiguredServer
const resources = new AsyncDisposableStack()
before(async () => {
  if (combinations.some(({ skip }) => skip === false))
    signing = resources.use(await startConfiguredServer(CONFIGURATION))
})
after(() => resources.disposeAsync())

/** The variables of the documented flow. */
function variablesFor(image: string, route = ROUTES[0]!): Record<string, string> {
  return {
    SIGNPATH_API: signing.apiUrl,
    SIGNPATH_API_TOKEN: signing.submitterToken,
    SIGNPATH_ORGANIZATION_ID: signing.server.organizationId,
    SIGNPATH_PROJECT_SLUG: 'app',
    SIGNPATH_SIGNING_POLICY_SLUG: 'test-signing',
    IMAGE_DIGEST: image,
    ROUTE: route,
  }
}

async function succeed(
  shell: Shell,
  script: string,
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const { code, stdout, stderr } = await shell.run(script, variables)
  assert.equal(code, 0, `${stdout}${stderr}${signing.server.output().slice(-2_000)}`)
  return stdout
}

for (const { cosign, start, name, skip } of combinations) {
  describe(`the documented flow with ${name}`, { skip }, () => {
    let registry: RunningRegistry
    before(async () => {
      registry = await start()
    })
    after(() => registry[Symbol.asyncDispose]())

    for (const route of ROUTES) {
      it(`signs an image through ${route}`, async () => {
        await using directory = await createTemporaryDirectory()
        const shell = await createShell(directory.path, { cosign, ...tools })
        const { byDigest, digest } = await pushTestImage(`${registry.host}/team/app:1.0`)
        const variables = variablesFor(byDigest, route)
        const script = GENERATE + SUBMIT + WAIT_AND_DOWNLOAD + UNPACK + ATTACH + VERIFY
        const stdout = await succeed(shell, script, variables)
        assert.match(stdout, new RegExp(`"docker-manifest-digest":"${digest}"`))
        const location = (await readFile(join(directory.path, 'location.txt'), 'utf8')).trim()
        const requests = `${signing.apiUrl}/v1/${signing.server.organizationId}/SigningRequests`
        assert.equal(location.slice(0, requests.length + 1), `${requests}/`)
        assert.match(
          location.slice(requests.length + 1),
          /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
        )
      })
    }

    it('signs with an RSA key, whose base64 breaks into lines', async () => {
      await using directory = await createTemporaryDirectory()
      const shell = await createShell(directory.path, { cosign, ...tools })
      const { byDigest } = await pushTestImage(`${registry.host}/team/app:2.0`)
      const variables = {
        ...variablesFor(byDigest),
        SIGNPATH_SIGNING_POLICY_SLUG: 'rsa-signing',
      }
      const script = GENERATE + SUBMIT + WAIT_AND_DOWNLOAD + UNPACK + ATTACH + VERIFY
      await succeed(shell, script, variables)
      const wrapped = await readFile(join(directory.path, 'payload.json.base64.sig'), 'utf8')
      assert.equal(wrapped.trim().split('\n').length, 7)
    })

    it('is verified for that image, that key and that payload only', async () => {
      await using directory = await createTemporaryDirectory()
      const shell = await createShell(directory.path, { cosign, ...tools })
      const signed = await pushTestImage(`${registry.host}/team/app:3.0`)
      const other = await pushTestImage(`${registry.host}/team/app:4.0`)
      const third = await pushTestImage(`${registry.host}/team/app:5.0`)
      const variables = variablesFor(signed.byDigest)
      const script = GENERATE + SUBMIT + WAIT_AND_DOWNLOAD + UNPACK + ATTACH + VERIFY
      await succeed(shell, script, variables)

      const verify = async (image: string): Promise<string> => {
        const { code, stderr } = await shell.run(VERIFY_AGAIN, { IMAGE_DIGEST: image })
        assert.notEqual(code, 0)
        return stderr
      }
      assert.match(await verify(other.byDigest), /no signatures found/)

      await succeed(shell, ATTACH, variablesFor(other.byDigest))
      assert.match(await verify(other.byDigest), /no matching signatures|invalid or missing digest/)

      const payloadPath = join(directory.path, 'payload.json')
      const payload = await readFile(payloadPath, 'utf8')
      await writeFile(payloadPath, payload.replace(signed.digest, third.digest))
      await succeed(shell, ATTACH, variablesFor(third.byDigest))
      assert.match(await verify(third.byDigest), /invalid signature/)

      const stranger = await signing.run(['certificates', 'download', 'other'])
      await writeFile(join(directory.path, 'pubkey.pem'), stranger.stdoutBytes)
      assert.match(await verify(signed.byDigest), /no matching signatures|invalid signature/)
      const own = await signing.run(['certificates', 'download', 'release'])
      await writeFile(join(directory.path, 'pubkey.pem'), own.stdoutBytes)
      await succeed(shell, VERIFY_AGAIN, variables)
    })

    it('waits for approval, and ends without a signature when it is denied', async () => {
      await using directory = await createTemporaryDirectory()
      const shell = await createShell(directory.path, { cosign, ...tools })
      const { byDigest } = await pushTestImage(`${registry.host}/team/app:6.0`)
      const variables = {
        ...variablesFor(byDigest),
        SIGNPATH_SIGNING_POLICY_SLUG: 'release-signing',
      }
      const { stdout } = await signing.run(['users', 'token', 'approver', '--raw'])
      const env = { CHANCERY_TOKEN: stdout.trim() }
      const submit = async (): Promise<string> => {
        await succeed(shell, SUBMIT, variables)
        const location = await readFile(join(directory.path, 'location.txt'), 'utf8')
        return location.trim().split('/').at(-1)!
      }
      await succeed(shell, GENERATE, variables)

      const approved = await submit()
      const waiting = shell.run(WAIT_AND_DOWNLOAD + UNPACK + ATTACH + VERIFY, variables)
      await signing.run(['requests', 'approve', approved], { env })
      const finished = await waiting
      assert.equal(finished.code, 0, finished.stderr)

      const denied = await submit()
      await signing.run(['requests', 'deny', denied, '--reason', 'not today'], { env })
      const refused = await shell.run(WAIT_AND_DOWNLOAD, variables)
      assert.equal(refused.code, 1, refused.stdout)
      assert.match(refused.stderr, /The signing request is Denied\./)
      const early = await shell.run(
        'curl --silent --fail -H "Authorization: Bearer $SIGNPATH_API_TOKEN" $(cat location.txt)/SignedArtifact',
        variables,
      )
      assert.equal(early.code, 22)
    })

    it('signs nothing for an image that the policy does not allow', async () => {
      await using directory = await createTemporaryDirectory()
      const shell = await createShell(directory.path, { cosign, ...tools })
      const { byDigest } = await pushTestImage(`${registry.host}/others/app:1.0`)
      const variables = variablesFor(byDigest)
      const { code, stderr } = await shell.run(GENERATE + SUBMIT + WAIT_AND_DOWNLOAD, variables)
      assert.equal(code, 1)
      assert.match(stderr, /The signing request is Denied\./)
    })
  })
}
