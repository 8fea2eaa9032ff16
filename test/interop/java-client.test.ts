import assert from 'node:assert/strict'
import { verify, X509Certificate } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readZip } from '../../src/format/zip-reader.ts'
import { writeZip } from '../../src/format/zip-writer.ts'
import { payloadFor } from '../support/authority.ts'
import { runProgram, type Finished } from '../support/child-process.ts'
import { component } from '../support/components.ts'
import { startConfiguredServer, type ConfiguredServer } from '../support/configured-server.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const javaClient = component('signpath-java-client')
const mavenPlugin = component('signpath-maven-plugin')
const program = fileURLToPath(new URL('java/SubmitWithJavaClient.java', import.meta.url))

const CONFIGURATION = `
users:
  - { name: ci, type: ci }
certificates:
  - { slug: release, algorithm: ecdsa-p256, subject: { commonName: Release } }
projects:
  - slug: app
    artifactConfigurations:
      - slug: versioned
        xml: |
          <artifact-configuration xmlns="http://signpath.io/artifact-configuration/v1">
            <parameters><parameter name="Version" /></parameters>
            <zip-file>
              <file path="payload.json">
                <create-raw-signature output-file-name="\${file.name}.sig" hash-algorithm="sha256" />
              </file>
            </zip-file>
          </artifact-configuration>
    defaultArtifactConfiguration: versioned
    signingPolicies:
      - slug: release
        certificate: release
        submitters: { users: [ci] }
        allowedImages: ['registry.acme.test/team/**']
`

/** What the tests look at in a signing request. */
interface View {
  readonly status: string
  readonly description: string
  readonly parameters: Readonly<Record<string, string>>
  readonly origin?: {
    readonly buildData: { readonly url: string; readonly buildSettingsFile: { fileName: string } }
    readonly repositoryData: Readonly<Record<string, string>>
  }
}

let signing: ConfiguredServer
const resources = new AsyncDisposableStack()
before(async () => {
  if (javaClient.absent === false || mavenPlugin.absent === false)
    signing = resources.use(await startConfiguredServer(CONFIGURATION))
})
after(() => resources.disposeAsync())

/** Calls the service as the CI user, or as the one whose token it is. */
async function call(
  path: string,
  init: RequestInit = {},
  token = signing.submitterToken,
): Promise<Response> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const url = `${signing.apiUrl}/v1/${signing.server.organizationId}/${path}`
  const answer = await fetch(url, { ...init, headers })
  assert.ok(answer.ok, `${path}: ${answer.status}`)
  return answer
}

async function createBuildSystem(slug: string): Promise<string> {
  const body = JSON.stringify({ slug, name: slug })
  const init = { method: 'POST', body }
  const answer = await call('TrustedBuildSystems/AddCustom', init, signing.server.adminToken)
  return ((await answer.json()) as { trustedBuildSystemToken: string }).trustedBuildSystemToken
}

function archive(payload: Uint8Array): Uint8Array {
  return writeZip([{ path: 'payload.json', bytes: payload }], new Date())
}

/** The archive holds the payload and a signature by the key of `release`. */
async function checkSigned(path: string, payload: Uint8Array): Promise<void> {
  const { entries } = readZip(await readFile(path))
  const files = new Map(entries.map((file) => [file.path, file.read()]))
  assert.deepEqual([...files.keys()], ['payload.json', 'payload.json.sig'])
  assert.deepEqual(Buffer.from(files.get('payload.json')!), Buffer.from(payload))
  const certificate = await call('Certificates/release/X509Certificate')
  const { publicKey } = new X509Certificate(await certificate.bytes())
  assert.ok(verify('sha256', payload, publicKey, files.get('payload.json.sig')!))
}

describe('SignPath’s Java client', { skip: javaClient.absent }, () => {
  async function submit(
    directory: string,
    payload: Uint8Array,
    tokens: { readonly buildSystem: string; readonly api?: string },
  ): Promise<Finished> {
    await writeFile(join(directory, 'payload.json.zip'), archive(payload))
    await writeFile(join(directory, 'Jenkinsfile'), 'pipeline {}')
    const names = [signing.server.organizationId, 'app', 'release']
    const files = ['payload.json.zip', 'payload.json.signed.zip', 'Jenkinsfile']
    return runProgram(javaClient.path, [program, `${signing.apiUrl}/`, ...names, ...files], {
      cwd: directory,
      env: {
        SIGNPATH_API_TOKEN: tokens.api ?? signing.submitterToken,
        SIGNPATH_TBS_TOKEN: tokens.buildSystem,
      },
    })
  }

  it('submits with its origin, waits and downloads, with only the base URL changed', async () => {
    await using directory = await createTemporaryDirectory()
    const payload = payloadFor()
    const buildSystem = await createBuildSystem('jenkins')
    const { code, stdout, stderr } = await submit(directory.path, payload, { buildSystem })
    assert.equal(code, 0, stdout + stderr)
    const [id, workflowStatus] = stdout.split('\n')
    assert.equal(workflowStatus, 'Completed')
    await checkSigned(join(directory.path, 'payload.json.signed.zip'), payload)

    const request = (await (await call(`SigningRequests/${id}`)).json()) as View
    assert.equal(request.description, 'submitted by the Java client')
    assert.deepEqual(request.origin?.repositoryData, {
      url: 'https://git.acme.test/app.git',
      branchName: 'main',
      commitId: '0123456789abcdef0123456789abcdef01234567',
      sourceControlManagementType: 'git',
    })
    assert.equal(request.origin.buildData.url, 'https://jenkins.acme.test/job/app/1/')
    const settings = await call(`SigningRequests/${id}/BuildSettingsFile`)
    assert.equal(await settings.text(), 'pipeline {}')
  })

  it('reports a denial, and gets nothing', async () => {
    await using directory = await createTemporaryDirectory()
    const foreign = payloadFor('registry.other.test/app')
    const buildSystem = await createBuildSystem('jenkins-2')
    const { code, stdout } = await submit(directory.path, foreign, { buildSystem })
    assert.equal(code, 3, stdout)
    assert.match(stdout, /Signing request was denied/)
    await assert.rejects(readFile(join(directory.path, 'payload.json.signed.zip')))
  })

  it('gets nothing with a wrong token', async () => {
    await using directory = await createTemporaryDirectory()
    const wrong = `${signing.submitterToken}x`
    const tokens = { api: wrong, buildSystem: 'x' }
    const { code } = await submit(directory.path, payloadFor(), tokens)
    assert.notEqual(code, 0)
    await assert.rejects(readFile(join(directory.path, 'payload.json.signed.zip')))
  })
})

describe('the Maven plugin of Eclipse CSI', { skip: mavenPlugin.absent }, () => {
  const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test.acme</groupId><artifactId>app</artifactId><version>1</version><packaging>pom</packaging>
  <build><pluginManagement><plugins><plugin>
    <groupId>org.eclipse.csi</groupId><artifactId>signpath-maven-plugin</artifactId>
    <configuration>
      <includes><include>*.zip</include></includes>
      <parameters><Version>1.0</Version></parameters>
    </configuration>
  </plugin></plugins></pluginManagement></build>
</project>
`
  async function runGoal(directory: string, payload: Uint8Array): Promise<Finished> {
    for (const name of ['target', 'signed']) await mkdir(join(directory, name))
    await writeFile(join(directory, 'pom.xml'), POM)
    await writeFile(join(directory, 'target', 'payload.json.zip'), archive(payload))
    const properties = {
      baseUrl: signing.apiUrl,
      organizationId: signing.server.organizationId,
      projectSlug: 'app',
      signingPolicySlug: 'release',
      description: 'submitted by Maven',
      outputDirectory: join(directory, 'signed'),
      pollInterval: '1',
      retryInterval: '1',
      maxRetries: '1',
    }
    const args = Object.entries(properties).map(([name, value]) => `-Dsignpath.${name}=${value}`)
    return runProgram(mavenPlugin.path, args, {
      cwd: directory,
      env: { SIGNPATH_API_TOKEN: signing.submitterToken },
    })
  }

  it('signs what the build made, with its parameters', async () => {
    await using directory = await createTemporaryDirectory()
    const payload = payloadFor()
    const { code, stdout } = await runGoal(directory.path, payload)
    assert.equal(code, 0, stdout)
    await checkSigned(join(directory.path, 'signed', 'payload.json.zip'), payload)
    const listed = (await (await call('SigningRequests')).json()) as {
      readonly signingRequests: readonly { readonly id: string; readonly description: string }[]
    }
    const submitted = listed.signingRequests.filter(
      (one) => one.description === 'submitted by Maven',
    )
    assert.equal(submitted.length, 1)
    const request = await call(`SigningRequests/${submitted[0]!.id}`)
    assert.deepEqual(((await request.json()) as View).parameters, { Version: '1.0' })
  })

  it('fails the build when the request is denied', async () => {
    await using directory = await createTemporaryDirectory()
    const { code, stdout } = await runGoal(directory.path, payloadFor('registry.other.test/app'))
    assert.equal(code, 1, stdout)
    assert.match(stdout, /BUILD FAILURE/)
    assert.match(stdout, /Denied/)
  })
})
