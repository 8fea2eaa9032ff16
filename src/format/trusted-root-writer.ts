import { encodeBase64 } from './base64.ts'
import type {
  TrustedAuthority,
  TrustedLog,
  TrustedRootDocument,
  ValidityPeriod,
} from './trusted-root.ts'

/** The media type that Cosign reads; it refuses the newer spellings. */
const MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1'

/**
 * Prints a `trusted_root.json` of version 0.1, two blanks a level. {@link parseTrustedRoot} reads the same values from it.
 *
 * Source: sigstore/protobuf-specs, sigstore_trustroot.proto.
 */
export function encodeTrustedRoot(root: TrustedRootDocument): Uint8Array {
  const document = {
    mediaType: MEDIA_TYPE,
    tlogs: root.logs.map(describeLog),
    certificateAuthorities: root.certificateAuthorities.map(describeAuthority),
    ctlogs: root.certificateLogs.map(describeLog),
    timestampAuthorities: root.timestampAuthorities.map(describeAuthority),
  }
  return new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`)
}

function describeLog(log: TrustedLog): object {
  return {
    baseUrl: log.baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: encodeBase64(log.publicKey),
      keyDetails: log.keyDetails,
      validFor: describePeriod(log.validFor),
    },
    logId: { keyId: encodeBase64(log.logId) },
    ...(log.checkpointKeyId === undefined
      ? {}
      : { checkpointKeyId: { keyId: encodeBase64(log.checkpointKeyId) } }),
  }
}

function describeAuthority({ uri, certificates, validFor }: TrustedAuthority): object {
  return {
    ...(uri === undefined ? {} : { uri }),
    certChain: {
      certificates: certificates.map((der) => ({ rawBytes: encodeBase64(der) })),
    },
    validFor: describePeriod(validFor),
  }
}

function describePeriod({ start, end }: ValidityPeriod): object {
  return {
    ...(start === undefined ? {} : { start: start.toISOString() }),
    ...(end === undefined ? {} : { end: end.toISOString() }),
  }
}
