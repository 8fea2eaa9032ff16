import { encodePae, IN_TOTO_PAYLOAD_TYPE } from '../../src/format/dsse.ts'

/** The predicate type of {@link statementOf}. */
export const PREDICATE_TYPE = 'https://openvex.dev/ns'

/**
 * What is signed of an attestation about `registry.acme.test/team/app`.
 *
 * @param predicate JSON text, as hostile as it may be.
 */
export function statementOf(predicate: string): Uint8Array {
  const head = JSON.stringify({
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType: PREDICATE_TYPE,
    subject: [{ name: 'registry.acme.test/team/app', digest: { sha256: 'a'.repeat(64) } }],
  })
  const statement = Buffer.from(`${head.slice(0, -1)},"predicate":${predicate}}`)
  return encodePae(IN_TOTO_PAYLOAD_TYPE, statement)
}
