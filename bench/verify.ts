import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, sign, verify as verifySignature } from 'node:crypto'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { loadTrustedRoot, verifyBundle } from '../src/public/verify.ts'
import { utf8 } from '../test/verify/test-certificates.ts'
import {
  createTestSigstore,
  identity,
  issueLeaf,
  signArtifact,
  trustedRootOf,
} from '../test/verify/test-sigstore.ts'
import type { Bench, BenchOptions } from './bench.ts'
import { printTable } from './table.ts'

/** Bundles of one kind, each of which both verifiers accept. */
interface Workload {
  readonly name: string
  /** How many P-256 signatures no verifier can leave out, whatever it remembers. */
  readonly signatures: number
  readonly bundles: readonly string[]
  readonly trustedRoot: string
  readonly artifact: Uint8Array
  readonly identity: string
}

/** One way of verifying: from the text of a bundle to what it proves. */
type Verify = (bundle: string) => void

/** One row of the report. */
interface Measurement {
  readonly workload: string
  readonly verifier: string
  readonly perSecond: number
  /** Processor time of each verification. */
  readonly cpuMicroseconds: number
  /** The same without all but the signatures that have to be verified each time. */
  readonly floorMicroseconds: number
}

/** More certificates than the trusted root remembers links between, so that each is verified anew. */
const DIFFERENT = 1500

/** Verification in memory, beside the verifier of sigstore-js. */
export const bench: Bench = {
  summary: 'Sigstore bundles verified in memory, beside @sigstore/verify',
  run: (options) => Promise.resolve(runVerifyBench(options)),
}

function runVerifyBench(options: BenchOptions): object {
  const workloads = [
    // The artifact's, the log's promise and its checkpoint; the links between certificates are remembered.
    ownAuthority('the same bundle again', 1, 3),
    // And the one on the certificate.
    ownAuthority('a new certificate each time', DIFFERENT, 4),
  ]
  const measurements = workloads.flatMap((workload) => measureBoth(workload, options))
  const rows = measurements.map((one) => {
    const { workload, verifier, perSecond, cpuMicroseconds, floorMicroseconds } = one
    const ours = measurements.find((other) => other.workload === workload)!
    const ratio = (cpuMicroseconds / ours.cpuMicroseconds).toFixed(1)
    const floor = (cpuMicroseconds / floorMicroseconds).toFixed(2)
    return [workload, verifier, Math.round(perSecond), Math.round(cpuMicroseconds), ratio, floor]
  })
  printTable(['bundle', 'verifier', 'per second', 'CPU µs', 'CPU/ours', 'CPU/floor'], rows)
  return { name: 'verify', measurements }
}

/** @param count How many bundles, each with a certificate of its own, take turns. */
function ownAuthority(name: string, count: number, signatures: number): Workload {
  const sigstore = createTestSigstore()
  const artifact = utf8('an artifact')
  return {
    name,
    signatures,
    bundles: Array.from({ length: count }, () =>
      JSON.stringify(signArtifact(sigstore, issueLeaf(sigstore), artifact)),
    ),
    trustedRoot: JSON.stringify({ ...trustedRootOf(sigstore), ctlogs: [] }),
    artifact,
    identity,
  }
}

function measureBoth(workload: Workload, options: BenchOptions): Measurement[] {
  const contenders = [
    { verifier: 'chancery/verify', verify: ours(workload) },
    { verifier: '@sigstore/verify', verify: theirs(workload) },
    { verifier: 'one signature', verify: bareSignature() },
  ]
  const sums = contenders.map(() => ({ count: 0, milliseconds: 0, cpu: 0 }))
  for (let round = 0; round <= options.rounds; round++) {
    for (const [index, { verify }] of contenders.entries()) {
      const found = measure(verify, workload.bundles, options.seconds)
      // The first round is for the engine to warm up.
      if (round === 0) continue
      const sum = sums[index]!
      sum.count += found.count
      sum.milliseconds += found.milliseconds
      sum.cpu += found.cpu
    }
  }
  const bare = sums.at(-1)!
  const floorMicroseconds = (bare.cpu / bare.count) * workload.signatures
  return contenders.slice(0, -1).map(({ verifier }, index) => {
    const { count, milliseconds, cpu } = sums[index]!
    const perSecond = (count * 1000) / milliseconds
    return {
      workload: workload.name,
      verifier,
      perSecond,
      cpuMicroseconds: cpu / count,
      floorMicroseconds,
    }
  })
}

function measure(
  verify: Verify,
  bundles: readonly string[],
  seconds: number,
): { count: number; milliseconds: number; cpu: number } {
  const began = performance.now()
  const cpuBefore = process.cpuUsage()
  let count = 0
  while (performance.now() - began < seconds * 1000) verify(bundles[count++ % bundles.length]!)
  const { user, system } = process.cpuUsage(cpuBefore)
  return { count, milliseconds: performance.now() - began, cpu: user + system }
}

function ours(workload: Workload): Verify {
  const trustedRoot = loadTrustedRoot(workload.trustedRoot)
  const expected = {
    artifact: { bytes: workload.artifact },
    certificate: { identity: workload.identity, issuerPattern: '*' },
    requires: { log: 1 },
  }
  const now = new Date()
  const verify: Verify = (bundle) => {
    verifyBundle(bundle, { trustedRoot }, expected, now)
  }
  requireRefusal(verify, workload)
  return verify
}

function theirs(workload: Workload): Verify {
  const root = TrustedRoot.fromJSON(JSON.parse(workload.trustedRoot))
  // The trusted root names no logs of certificate transparency: nothing is required of them for both.
  const verifier = new Verifier(toTrustMaterial(root), { tlogThreshold: 1, ctlogThreshold: 0 })
  const artifact = Buffer.from(workload.artifact)
  const policy = { subjectAlternativeName: workload.identity }
  const verify: Verify = (bundle) => {
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle)), artifact), policy)
  }
  requireRefusal(verify, workload)
  return verify
}

/** One P-256 signature, with a key that is open already. */
function bareSignature(): Verify {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' }))
  const message = utf8('an artifact')
  const signature = sign('sha256', message, privateKey)
  return () => assert.ok(verifySignature('sha256', message, key, signature))
}

/** A verifier that accepts everything would be fast. */
function requireRefusal(verify: Verify, { bundles }: Workload): void {
  const [bundle] = bundles
  verify(bundle!)
  const json = JSON.parse(bundle!) as { messageSignature: { signature: string } }
  const signature = Buffer.from(json.messageSignature.signature, 'base64')
  signature[signature.length - 1]! ^= 1
  json.messageSignature.signature = signature.toString('base64')
  assert.throws(() => verify(JSON.stringify(json)))
}
