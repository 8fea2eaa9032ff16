/**
 * True if a pattern covers a subject from end to end, where some places of the pattern are runs: they stand for any
 * number of items of the subject, also none. Takes time in the order of the product of both lengths, whatever the
 * pattern: going back to the latest run is enough, an earlier one could only give up what the later one takes as well.
 *
 * @param isRun Whether the pattern has a run at `at`.
 * @param isMatch Whether the pattern's place `at`, which is no run, matches the subject's item `place`.
 */
export function matchesRuns(
  patternLength: number,
  subjectLength: number,
  isRun: (at: number) => boolean,
  isMatch: (at: number, place: number) => boolean,
): boolean {
  let at = 0
  let place = 0
  let runAt = -1
  let runPlace = 0
  while (place < subjectLength) {
    if (at < patternLength && isRun(at)) {
      runAt = at++
      runPlace = place
    } else if (at < patternLength && isMatch(at, place)) {
      at++
      place++
    } else if (runAt >= 0) {
      at = runAt + 1
      place = ++runPlace
    } else {
      return false
    }
  }
  while (at < patternLength && isRun(at)) at++
  return at === patternLength
}
