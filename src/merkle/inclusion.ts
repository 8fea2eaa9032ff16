import { sha256Parts } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'

/** That a leaf is in a tree. */
export interface InclusionProof {
  /** From 0 to `treeSize` - 1. */
  readonly leafIndex: number
  /** A safe integer. */
  readonly treeSize: number
  /** From the leaf's sibling upwards, 32 bytes each. */
  readonly hashes: readonly Uint8Array[]
}

const LEAF_PREFIX = new Uint8Array([0])
const NODE_PREFIX = new Uint8Array([1])

/** The hash of a leaf, 32 bytes. Source: RFC 6962, 2.1. */
export function hashLeaf(leaf: Uint8Array): Uint8Array {
  return sha256Parts(LEAF_PREFIX, leaf)
}

/** The hash of an inner node, 32 bytes. Source: RFC 6962, 2.1. */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256Parts(NODE_PREFIX, left, right)
}

/**
 * The root that a proof leads to from a leaf: the proof holds if, and only if, it is the root of the tree.
 *
 * @param leafHash What {@link hashLeaf} gives.
 * @throws ChanceryError ERR_MERKLE_PROOF if the index is not in the tree, or there are more or fewer hashes than a tree of
 *   this size has levels above the leaf.
 * Source: RFC 9162, 2.1.3.2, which proves the audit paths of RFC 6962, 2.1.1.
 */
export function computeRoot(leafHash: Uint8Array, proof: InclusionProof): Uint8Array {
  const { leafIndex, treeSize, hashes } = proof
  const isInTree = Number.isSafeInteger(treeSize) && Number.isSafeInteger(leafIndex)
  if (!isInTree || leafIndex < 0 || leafIndex >= treeSize) {
    throw proofError(`expected a leaf index below the tree size ${treeSize}, found ${leafIndex}`)
  }
  let node = leafIndex
  let last = treeSize - 1
  let hash = leafHash
  for (const sibling of hashes) {
    if (last === 0) throw proofError(`expected fewer hashes for a tree of ${treeSize} leaves`)
    if (node % 2 === 1 || node === last) {
      hash = hashNode(sibling, hash)
      // A node without a right sibling, which is not 0, moves up unchanged to where it is a right one.
      while (node % 2 === 0) [node, last] = [half(node), half(last)]
    } else {
      hash = hashNode(hash, sibling)
    }
    node = half(node)
    last = half(last)
  }
  if (last !== 0) throw proofError(`expected more hashes for a tree of ${treeSize} leaves`)
  return hash
}

/** Half of a number beyond 2^32, which bit operations would cut off. */
function half(value: number): number {
  return Math.floor(value / 2)
}

function proofError(message: string): ChanceryError {
  return new ChanceryError('ERR_MERKLE_PROOF', `inclusion proof: ${message}`)
}
