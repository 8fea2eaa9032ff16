/** What tests read of the document of `chancery tree --json`. */
export interface TreeDocument {
  readonly digest: string
  readonly isChecked: boolean
  readonly verdicts: Readonly<Record<string, number>>
  readonly tagged: readonly {
    readonly kind: string
    readonly tag: string
    readonly signatures: readonly ShownSignature[]
  }[]
  readonly referrers: readonly ShownReferrer[]
  readonly unread: readonly { readonly part: string; readonly code: string }[]
  readonly refused: readonly { readonly digest: string }[]
  readonly children: readonly (TreeDocument & { readonly platforms: readonly string[] })[]
}

/** A referrer in it. */
export interface ShownReferrer extends TreeDocument {
  readonly kind: string
  readonly predicateType: string
  readonly created: string
  readonly signatures: readonly ShownSignature[]
}

/** A signature or an attestation in it. */
export interface ShownSignature {
  readonly verdict: string
  readonly error: { readonly code: string } | null
  readonly format: string
  readonly listedType: string | null
  readonly proven: {
    readonly predicateType: string | null
    readonly repository: string | null
    readonly signer: Readonly<Record<string, unknown>>
    readonly signedAt: readonly string[]
    readonly logEntries: readonly object[]
    readonly timestamps: readonly object[]
  } | null
  readonly claimed: {
    readonly signer: Readonly<Record<string, unknown>>
    readonly timestamps: readonly string[]
    readonly logEntries: readonly { readonly integratedAt: string | null }[]
  } | null
}

/** All signatures and attestations in it, in its order. */
export function signaturesIn(tree: TreeDocument): readonly ShownSignature[] {
  return [
    ...tree.tagged.flatMap(({ signatures }) => signatures),
    ...tree.referrers.flatMap((one) => [...one.signatures, ...signaturesIn(one)]),
    ...tree.children.flatMap(signaturesIn),
  ]
}
