/** A form as one of SignPath's clients sends it. */
export interface ClientForm {
  readonly contentType: string
  readonly body: Buffer
}

/** What the clients send: the policy `release` of the project `app`, with the parameter `Version`. */
export interface Submittable {
  readonly zip: Uint8Array
  readonly isVersioned: boolean
}

/** Where the bytes of the file go. */
const FILE = '<file>'

function form(contentType: string, file: Uint8Array, ...lines: readonly string[]): ClientForm {
  const [before = '', after = ''] = lines.join('\r\n').split(FILE)
  return { contentType, body: Buffer.concat([Buffer.from(before), file, Buffer.from(after)]) }
}

const NET = '0d5c2b3e-5a3c-4b1a-9d54-1f2f0a7a8e11'

function netField(name: string, value: string): readonly string[] {
  return [
    `--${NET}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Disposition: form-data; name=${name}`,
    '',
    value,
  ]
}

/** The PowerShell module: .NET's `MultipartFormDataContent`, with bare names and a quoted boundary. */
export function powerShellForm({ zip, isVersioned }: Submittable): ClientForm {
  return form(
    `multipart/form-data; boundary="${NET}"`,
    zip,
    ...netField('ProjectSlug', 'app'),
    ...netField('SigningPolicySlug', 'release'),
    ...netField('Description', ''),
    ...netField('Origin.RepositoryData.Url', 'https://git.example/app.git'),
    `--${NET}`,
    "Content-Disposition: form-data; name=Origin.BuildData.BuildSettingsFile; filename=build.yml; filename*=utf-8''build.yml",
    '',
    'steps: []',
    ...(isVersioned ? netField('Parameters.Version', '1.0') : []),
    `--${NET}`,
    'Content-Type: application/octet-stream',
    "Content-Disposition: form-data; name=Artifact; filename=payload.json.zip; filename*=utf-8''payload.json.zip",
    '',
    FILE,
    `--${NET}--`,
    '',
  )
}

const CURL = '------------------------d74496d66958873e'

/** `curl -F projectSlug=… -F artifact=@payload.json.zip`, as SignPath's documentation has it. */
export function curlForm({ zip }: Submittable): ClientForm {
  return form(
    `multipart/form-data; boundary=${CURL}`,
    zip,
    `--${CURL}`,
    'Content-Disposition: form-data; name="projectSlug"',
    '',
    'app',
    `--${CURL}`,
    'Content-Disposition: form-data; name="signingPolicySlug"',
    '',
    'release',
    `--${CURL}`,
    'Content-Disposition: form-data; name="artifact"; filename="payload.json.zip"',
    'Content-Type: application/zip',
    '',
    FILE,
    `--${CURL}--`,
    '',
  )
}

/** The Maven plugin: Apache HttpClient in its strict mode, parameters in brackets. */
export function mavenForm({ zip, isVersioned }: Submittable): ClientForm {
  const field = (name: string, value: string): readonly string[] => [
    '--xYz',
    `Content-Disposition: form-data; name="${name}"`,
    'Content-Type: text/plain; charset=ISO-8859-1',
    'Content-Transfer-Encoding: 8bit',
    '',
    value,
  ]
  return form(
    'multipart/form-data; boundary=xYz',
    zip,
    ...field('ProjectSlug', 'app'),
    ...field('SigningPolicySlug', 'release'),
    ...field('ArtifactConfigurationSlug', ''),
    ...(isVersioned ? field('Parameters[Version]', '1.0') : []),
    '--xYz',
    'Content-Disposition: form-data; name="Artifact"; filename="payload.json.zip"',
    'Content-Type: application/octet-stream',
    'Content-Transfer-Encoding: binary',
    '',
    FILE,
    '--xYz--',
    '',
  )
}

/** The Jenkins plugin: the file is announced by name and hash, and uploaded afterwards. */
export function jenkinsForm(sha256Hash: string, { isVersioned }: Submittable): ClientForm {
  const field = (name: string, value: string): readonly string[] => [
    '--J',
    `Content-Disposition: form-data; name="${name}"`,
    'Content-Type: text/plain; charset=UTF-8',
    '',
    value,
  ]
  return form(
    'multipart/form-data; boundary=J; charset=UTF-8',
    new Uint8Array(),
    ...field('ProjectSlug', 'app'),
    ...field('SigningPolicySlug', 'release'),
    ...field('UnsignedArtifactMetadata.FileName', 'payload.json.zip'),
    ...field('UnsignedArtifactMetadata.Sha256Hash', sha256Hash),
    ...field('Origin.RepositoryData.SourceControlManagementType', 'git'),
    ...(isVersioned ? field('Parameters.Version', '1.0') : []),
    '--J--',
    '',
  )
}
