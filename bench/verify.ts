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
  /** How many P-256 signatures are new in each bundle, so that no verifier can leave them out, whatever it remembers. */
  readonly signatures: number
  readonly bundles: readonly string[]
  readonly trustedRoot: string
  readonly artifact: Uint8Array
  readonly identity: string
}

/** One way of verifying: from the text of a bundle to what it proves. */
type Verify = (bundle: string) => void

/** One way of verifying, with what it took so far. */
interface Contender {
  readonly verifier: string
  readonly verify: Verify
  /** Of all bundles since the first, so that each round goes on where the one before has ended. */
  next: number
  count: number
  milliseconds: number
  /** Processor time of each verification in microseconds, the mean of each batch. */
  batches: number[]
}

/** One row of the report. */
interface Measurement {
  readonly workload: string
  readonly verifier: string
  readonly perSecond: number
  /** Processor time of each verification, the lower quartile of all batches. */
  readonly cpuMicroseconds: number
  /** What the new signatures take by themselves; 0 where there are none. */
  readonly floorMicroseconds: number
}

/** Their signatures are more than the trusted root remembers, marks included, so that each is verified anew. */
const DIFFERENT = 3000

/** Verifications of a batch: enough for the clock of processor time, few beside a round. */
const BATCH = 20

/** Verification in memory, beside the verifier of sigstore-js. */
export const bench: Bench = {
  summary: 'Sigstore bundles verified in memory, beside @sigstore/verify',
  run: (options) => Promise.resolve(runVerifyBench(options)),
}

function runVerifyBench(options: BenchOptions): object {
  const workloads = [
    ownAuthority('the same bundle again', { count: 1, certificates: 1, signatures: 0 }),
    // The artifact's, the log's promise and its checkpoint.
    ownAuthority('a new signature each time', { count: DIFFERENT, certificates: 1, signatures: 3 }),
    // And the one on the certificate.
    ownAuthority('a new certificate each time', {
      count: DIFFERENT,
      certificates: DIFFERENT,
      signatures: 4,
    }),
  ]
  const measurements = workloads.flatMap((workload) => measureBoth(workload, options))
  const rows = measurements.map((one) => {
    const { workload, verifier, perSecond, cpuMicroseconds, floorMicroseconds } = one
    const ours = measurements.find((other) => other.workload === workload)!
    const ratio = (cpuMicroseconds / ours.cpuMicroseconds).toFixed(1)
    const floor = floorMicroseconds === 0 ? '' : (cpuMicroseconds / floorMicroseconds).toFixed(2)
    return [workload, verifier, Math.round(perSecond), Math.round(cpuMicroseconds), ratio, floor]
  })
  printTable(['bundle', 'verifier', 'per second', 'CPU µs', 'CPU/ours', 'CPU/floor'], rows)
  return { name: 'verify', measurements }
}

/** @param count How many bundles take turns, of how many certificates. */
function ownAuthority(
  name: string,
  {
    count,
    certificates,
    signatures,
  }: { readonly count: number; readonly certificates: number; readonly signatures: number },
): Workload {
  const sigstore = createTestSigstore()
  const artifact = utf8('an artifact')
  const leaves = Array.from({ length: certificates }, () => issueLeaf(sigstore))
  return {
    name,
    signatures,
    bundles: Array.from({ length: count }, (_, index) =>
      JSON.stringify(signArtifact(sigstore, leaves[index % certificates]!, artifact)),
    ),
    trustedRoot: JSON.stringify({ ...trustedRootOf(sigstore), ctlogs: [] }),
    artifact,
    identity,
  }
}

function measureBoth(workload: Workload, options: BenchOptions): Measurement[] {
  const [mine, peer, bare] = [
    contend('chancery/verify', ours(workload)),
    contend('@sigstore/verify', theirs(workload)),
    contend('one signature', bareSignature()),
  ]
  for (let round = 0; round <= options.rounds; round++) {
    for (const contender of [mine, peer, bare]) {
      measure(contender, workload.bundles, options.seconds)
      // The first round is for the engine to warm up.
      if (round === 0) Object.assign(contender, { count: 0, milliseconds: 0, batches: [] })
    }
  }
  const floorMicroseconds = lowerQuartile(bare.batches) * workload.signatures
  return [mine, peer].map(({ verifier, count, milliseconds, batches }) => {
    const perSecond = (count * 1000) / milliseconds
    return {
      workload: workload.name,
      verifier,
      perSecond,
      cpuMicroseconds: lowerQuartile(batches),
      floorMicroseconds,
    }
  })
}

function contend(verifier: string, verify: Verify): Contender {
  return { verifier, verify, next: 0, count: 0, milliseconds: 0, batches: [] }
}

function measure(contender: Contender, bundles: readonly string[], seconds: number): void {
  const began = performance.now()
  const end = began + seconds * 1000
  while (performance.now() < end) {
    const cpuBefore = process.cpuUsage()
    for (let done = 0; done < BATCH; done++) {
      contender.verify(bundles[contender.next++ % bundles.length]!)
    }
    const { user, system } = process.cpuUsage(cpuBefore)
    contender.batches.push((user + system) / BATCH)
    contender.count += BATCH
  }
  contender.milliseconds += performance.now() - began
}

/** Other work on the machine takes the caches away: the calmest quarter of the batches tells most about the program. */
function lowerQuartile(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[sorted.length >> 2] ?? NaN
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
