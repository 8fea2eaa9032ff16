/**
 * Does something with each element, a bounded number at a time; the results are in the order of the elements. The first
 * failure is the outcome, after what had begun is done.
 */
export async function inParallel<Element, Result>(
  elements: readonly Element[],
  limit: number,
  act: (element: Element) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const failures: unknown[] = []
  const remaining = elements.entries()
  const work = async (): Promise<void> => {
    for (const [index, element] of remaining) {
      if (failures.length > 0) return
      try {
        results[index] = await act(element)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, elements.length) }, work))
  if (failures.length > 0) throw failures[0]
  return results
}
