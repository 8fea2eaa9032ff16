/**
 * The word that `input` is most likely a misspelling of: the nearest by edit distance, if that is at most a third of
 * its length, rounded up; undefined where none is near.
 */
export function closestWord(input: string, words: readonly string[]): string | undefined {
  let best: { readonly word: string; readonly distance: number } | undefined
  for (const word of words) {
    const distance = editDistance(input.slice(0, 64).toLowerCase(), word.toLowerCase())
    const isNear = distance <= Math.ceil(word.length / 3)
    if (isNear && (best === undefined || distance < best.distance)) best = { word, distance }
  }
  return best?.word
}

/** Levenshtein distance: insertions, deletions and substitutions. */
function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const current = [i]
    for (let j = 1; j <= right.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[right.length] ?? 0
}
