import type {
  AppraisedArtifact,
  AppraisedReferrer,
  AppraisedSignature,
  AppraisedTree,
  Verdict,
} from '../../registry/appraise-tree.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../../format/image-statement.ts'
import type { ImageTree, UnreadPart } from '../../registry/image-tree.ts'
import { printable } from '../text-table.ts'
import { describeEvidence, printEvidence } from '../verify/evidence-report.ts'
import { describeClaims, printClaims } from './claims-report.ts'
import {
  countVerdicts,
  layersOf,
  listedIn,
  platformsOf,
  type VerdictCounts,
} from './tree-document.ts'

const TITLES = { signature: 'signatures', attestation: 'attestations', sbom: 'SBOMs' }
const UNREAD = { ...TITLES, referrers: 'referrers of', child: 'image', rest: 'some of' }
/** A verdict begins a line, before all that others wrote; what is valid looks like nothing else. */
const VERDICTS: Readonly<Record<Verdict['kind'], string>> = {
  valid: 'valid',
  refused: 'NOT VALID',
  unchecked: 'not checked',
  unreadable: 'UNREADABLE',
  unknown: 'UNKNOWN, not of a kind that is read here',
}
/** A line is cut after so many characters: what is in it may be of strangers. */
const MAX_LINE = 1000
const MAX_ANNOTATIONS = 20

/**
 * An image and what belongs to it, in lines. What is no verdict and not proven is marked as claimed; what others wrote has no
 * characters in it that a terminal obeys.
 *
 * @param name What manifests are called before their digests or tags: `registry/repository`, or the path of a directory.
 */
export function drawTree(name: string, tree: AppraisedTree, isChecked: boolean): readonly string[] {
  const summary = summarise(countVerdicts(tree))
  const hint = 'Nothing is verified: say whom to trust, with --key for example.'
  return [
    ...drawImage(name, tree),
    ...(summary === '' ? [] : [`${summary}${isChecked ? '' : `. ${hint}`}`]),
  ].map((line) => {
    const shown = printable(line)
    return shown.length > MAX_LINE ? `${shown.slice(0, MAX_LINE)}…` : shown
  })
}

function summarise(counts: VerdictCounts): string {
  const { valid, refused, unchecked, unreadable, unknown } = counts
  const parts = [
    [valid, 'valid'],
    [refused, 'not valid'],
    [unchecked, 'not checked'],
    [unreadable, 'unreadable'],
    [unknown, 'unknown'],
  ] as const
  return parts.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`])).join(', ')
}

/** Lines; the branches of each part are indented below it. */
function drawImage(name: string, part: AppraisedTree, index?: ImageTree): string[] {
  const title = titleOfImage(name, part.tree.pulled.digest, index)
  return [title, ...indent(branchesOf(name, part))]
}

function titleOfImage(name: string, digest: string, index: ImageTree | undefined): string {
  const platforms = index === undefined ? [] : platformsOf(index, digest)
  return `${name}@${digest}${platforms.length === 0 ? '' : ` for ${platforms.join(', ')}`}`
}

function branchesOf(name: string, part: AppraisedTree): (readonly string[])[] {
  const { tree, tagged, referrers, children } = part
  const isLookedInto = new Set([
    ...children.map((one) => one.tree.pulled.digest),
    ...tree.unread.map((one) => one.name),
  ])
  const others = listedIn(tree).filter(({ digest }) => !isLookedInto.has(digest))
  const branches: (readonly string[])[] = [
    ...tagged.map((one) => drawTagged(name, one)),
    ...referrers.map((one) => drawReferrer(name, one)),
    ...tree.refused.map(({ digest, error }) => [
      `${VERDICTS.unreadable}: referrer ${name}@${digest}`,
      `    ${error.message} (${error.code})`,
    ]),
    ...tree.unread.map((one) => drawUnread(name, one)),
  ]
  return [
    ...(branches.length === 0 ? [['nothing is attached']] : branches),
    ...children.map((one) => drawImage(name, one, tree)),
    ...[...new Set(others.map(({ digest }) => digest))].map((digest) => [
      `${titleOfImage(name, digest, tree)}, not looked into`,
    ]),
  ]
}

function drawUnread(name: string, { part, name: what, error }: UnreadPart): string[] {
  const isDigest = part === 'referrers' || part === 'child' || part === 'rest'
  const title = isDigest
    ? `${UNREAD[part]} ${name}@${what}`
    : `${UNREAD[part]} under ${name}:${what}`
  return [`${VERDICTS.unreadable}: ${title}`, `    ${error.message} (${error.code})`]
}

function drawTagged(name: string, { artifact, signatures }: AppraisedArtifact): string[] {
  const { kind, tag, pulled } = artifact
  const branches =
    kind === 'sbom'
      ? layersOf(pulled.manifest).map(({ digest, mediaType }) => [`${digest}  ${mediaType}`])
      : signatures.map((one) => drawSignature(one, undefined))
  return [`${TITLES[kind]} under ${name}:${tag}`, ...indent(branches)]
}

function drawReferrer(name: string, referrer: AppraisedReferrer): string[] {
  const { facts, signatures, tree } = referrer
  const { digest, mediaType, manifest } = tree.pulled
  const type = tree.artifactType ?? mediaType
  const created =
    facts.created === undefined ? '' : `, unverified: made at ${JSON.stringify(facts.created)}`
  const branches = [
    ...signatures.map((one) => drawSignature(one, facts.created)),
    ...(signatures.length > 0
      ? []
      : layersOf(manifest).map((layer) => [`${layer.digest}  ${layer.mediaType}`])),
    ...referrer.referrers.map((one) => drawReferrer(name, one)),
    ...tree.unread.map((one) => drawUnread(name, one)),
  ]
  const title = `${titleOf(signatures)} ${name}@${digest}`
  return [
    signatures.length > 0 ? title : `${title} of the type ${JSON.stringify(type)}${created}`,
    ...indent(branches),
  ]
}

function titleOf([first]: readonly AppraisedSignature[]): string {
  if (first === undefined) return 'referrer'
  const { format } = first.place
  if (format === 'bundle') return 'bundle, a referrer:'
  return format === 'unknown' ? 'referrer' : 'signatures, a referrer (oci-1-1):'
}

/** @param created What the manifest says about when it was made. */
function drawSignature(one: AppraisedSignature, created: string | undefined): string[] {
  const { verdict, claims } = one
  const title = `${VERDICTS[verdict.kind]}: ${describeKind(one)}`
  if (verdict.kind === 'valid') {
    return [title, ...describeProven(verdict.proven).map((line) => `    ${line}`)]
  }
  const claimed = [
    ...(claims === undefined ? [] : describeClaims(printClaims(claims))),
    ...(created === undefined ? [] : [`made at ${JSON.stringify(created)}`]),
  ]
  return [
    title,
    ...('error' in verdict ? [`    ${verdict.error.message} (${verdict.error.code})`] : []),
    ...claimed.map((line) => `    unverified: ${line}`),
  ]
}

/** The type that was signed, where that is proven; else the one that is claimed. */
function describeKind({ place, listedType, claims, verdict }: AppraisedSignature): string {
  const proven = verdict.kind === 'valid' ? verdict.proven : undefined
  const type = proven === undefined ? (listedType ?? claims?.predicateType) : proven.predicateType
  const number = 'index' in place && place.format !== 'bundle' ? ` ${place.index + 1}` : ''
  if (type === undefined && place.format === 'envelope') return `attestation${number}`
  if (type === undefined || type === COSIGN_SIGNATURE_PREDICATE) return `signature${number}`
  return `attestation${number} of the type ${JSON.stringify(type)}`
}

function describeProven(proven: Extract<Verdict, { kind: 'valid' }>['proven']): string[] {
  const annotations = Object.entries(proven.annotations)
  return [
    ...describeEvidence(printEvidence(proven)),
    proven.identity === undefined ? 'no repository was signed' : `for ${proven.identity}`,
    ...annotations
      .slice(0, MAX_ANNOTATIONS)
      .map(([key, value]) => `annotation ${JSON.stringify(key)}: ${JSON.stringify(value)}`),
    ...(annotations.length > MAX_ANNOTATIONS
      ? [`and ${annotations.length - MAX_ANNOTATIONS} more annotations`]
      : []),
  ]
}

function indent(branches: readonly (readonly string[])[]): string[] {
  return branches.flatMap((lines, index) => {
    const isLast = index === branches.length - 1
    return lines.map((line, row) => {
      const stem = row === 0 ? (isLast ? '└── ' : '├── ') : isLast ? '    ' : '│   '
      return `${stem}${line}`
    })
  })
}
