import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sha256 } from '../crypto/digest.ts'
import { encodeHex } from '../format/hex.ts'
import { computeRoot, hashLeaf, hashNode } from './inclusion.ts'

/** The tree as RFC 6962, 2.1 defines it, and the audit path as 2.1.1 does: by recursion on the leaves. */
function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array())
  if (leaves.length === 1) return hashLeaf(leaves[0]!)
  const split = largestPowerOfTwoBelow(leaves.length)
  return hashNode(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)))
}

function pathOf(index: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return []
  const split = largestPowerOfTwoBelow(leaves.length)
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)]
  return index < split
    ? [...pathOf(index, left), rootOf(right)]
    : [...pathOf(index - split, right), rootOf(left)]
}

function largestPowerOfTwoBelow(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}

const leavesOf = (size: number) =>
  Array.from({ length: size }, (_, index) => new TextEncoder().encode(`leaf ${index}`))

describe('computeRoot', () => {
  it('leads from every leaf of every small tree to its root', () => {
    for (let size = 1; size <= 66; size++) {
      const leaves = leavesOf(size)
      const root = encodeHex(rootOf(leaves))
      for (const [leafIndex, leaf] of leaves.entries()) {
        const hashes = pathOf(leafIndex, leaves)
        const found = computeRoot(hashLeaf(leaf), { leafIndex, treeSize: size, hashes })
        assert.equal(encodeHex(found), root, `leaf ${leafIndex} of ${size}`)
      }
    }
  })

  it('hashes the vectors of the certificate transparency project', () => {
    assert.equal(
      encodeHex(hashLeaf(new Uint8Array())),
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    )
  })

  it('leads elsewhere for every other leaf, place or order of hashes', () => {
    const leaves = leavesOf(13)
    const root = encodeHex(rootOf(leaves))
    const hashes = pathOf(5, leaves)
    const proof = { leafIndex: 5, treeSize: 13, hashes }
    const leafHash = hashLeaf(leaves[5]!)
    assert.notEqual(encodeHex(computeRoot(hashLeaf(leaves[6]!), proof)), root)
    assert.notEqual(encodeHex(computeRoot(leafHash, { ...proof, leafIndex: 4 })), root)
    const turned = { ...proof, hashes: hashes.toReversed() }
    assert.notEqual(encodeHex(computeRoot(leafHash, turned)), root)
  })

  it('refuses places outside of the tree, and more or fewer hashes than there are levels', () => {
    const leaves = leavesOf(13)
    const hashes = pathOf(5, leaves)
    const leafHash = hashLeaf(leaves[5]!)
    const outside = /^inclusion proof: expected a leaf index below the tree size /
    for (const [leafIndex, treeSize, given, message] of [
      [13, 13, hashes, outside],
      [1, 1, [], outside],
      [-1, 13, hashes, outside],
      [0.5, 13, hashes, outside],
      [0, 0, [], outside],
      [5, NaN, hashes, outside],
      [5, 2 ** 60, hashes, outside],
      [5, 13, hashes.slice(1), /expected more hashes for a tree of 13 leaves$/],
      [5, 13, [...hashes, leafHash], /expected fewer hashes for a tree of 13 leaves$/],
      [0, 1, [leafHash], /expected fewer hashes for a tree of 1 leaves$/],
    ] as const) {
      const proof = { leafIndex, treeSize, hashes: given }
      assert.throws(() => computeRoot(leafHash, proof), { code: 'ERR_MERKLE_PROOF', message })
    }
  })

  it('counts beyond 32 bits', () => {
    const leafHash = hashLeaf(new Uint8Array([1]))
    const levels = 41
    const hashes = Array.from({ length: levels }, (_, index) => sha256(new Uint8Array([index])))
    let expected = leafHash
    for (const sibling of hashes.slice(0, -1)) expected = hashNode(expected, sibling)
    expected = hashNode(hashes.at(-1)!, expected)
    const proof = { leafIndex: 2 ** 40, treeSize: 2 ** 41, hashes }
    assert.equal(encodeHex(computeRoot(leafHash, proof)), encodeHex(expected))
  })
})
