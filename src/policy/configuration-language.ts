const SIGNPATH_FILES = [
  'apk-file',
  'appx-file',
  'cab-file',
  'catalog-file',
  'deb-file',
  'jar-file',
  'json-file',
  'msi-file',
  'msix-file',
  'nupkg-file',
  'oci-image-layout-archive-file',
  'office-binary-file',
  'office-oxml-file',
  'opc-file',
  'pe-file',
  'powershell-file',
  'rpm-file',
  'windows-script-file',
  'xml-file',
]

const SIGNPATH_DIRECTIVES = [
  'apk-sign',
  'authenticode-sign',
  'authenticode-verify',
  'clickonce-sign',
  'cosign-sign',
  'create-attestation-signature',
  'create-cms-signature',
  'create-custom-signature',
  'create-gpg-signature',
  'create-provenance-file',
  'create-verification-summary-file',
  'custom-sign',
  'debsigs-sign',
  'dsse-sign',
  'include-in-provenance',
  'jar-sign',
  'jsf-sign',
  'notation-sign',
  'nuget-sign',
  'office-macro-sign',
  'opc-sign',
  'rpm-sign',
  'smime-sign',
  'xml-sign',
]

/**
 * Elements of SignPath's language that Chancery refuses, wherever they stand.
 * Source: SignPath documentation, "Artifact configuration reference".
 */
export const UNSUPPORTED_ELEMENTS: ReadonlySet<string> = new Set([
  ...SIGNPATH_FILES,
  ...SIGNPATH_FILES.map((name) => `${name}-set`),
  ...SIGNPATH_DIRECTIVES,
])

/** Elements Chancery reads. */
export const SUPPORTED_ELEMENTS: ReadonlySet<string> = new Set([
  'artifact-configuration',
  'parameters',
  'parameter',
  'zip-file',
  'zip-file-set',
  'directory',
  'directory-set',
  'file',
  'file-set',
  'include',
  'for-each',
  'create-raw-signature',
])

/** The known names close to an unknown one: at most two characters to change, or one the beginning of the other. */
export function suggestNames(unknown: string, known: Iterable<string>): readonly string[] {
  const wrong = unknown.toLowerCase()
  return [...known].filter((name) => {
    const right = name.toLowerCase()
    const isCutOrLonger = wrong.length >= 3 && (right.startsWith(wrong) || wrong.startsWith(right))
    return isCutOrLonger || isWithinTwoEdits(wrong, right)
  })
}

function isWithinTwoEdits(from: string, to: string): boolean {
  if (Math.abs(from.length - to.length) > 2) return false
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1)
      const removed = (previous[column] ?? 0) + 1
      const added = (current[column - 1] ?? 0) + 1
      current.push(Math.min(replaced, removed, added))
    }
    previous = current
  }
  return (previous[to.length] ?? 3) <= 2
}
