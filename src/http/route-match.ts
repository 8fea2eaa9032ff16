import type { Route } from './route.ts'

/** The methods of the routes whose path matches, without duplicates; empty where there is none. */
export function methodsOf(routes: readonly Route[], path: string): readonly string[] {
  const given = segmentsOf(path)
  const methods = new Set<string>()
  for (const { method, paths } of routes) {
    if (paths.some((pattern) => matches(segmentsOf(pattern), given))) methods.add(method)
  }
  return Array.from(methods)
}

function matches(pattern: readonly string[], given: readonly string[]): boolean {
  return (
    pattern.length === given.length &&
    pattern.every((segment, index) => segment.startsWith('{') || segment === given[index])
  )
}

/** Lower-case, as paths are compared without case. */
function segmentsOf(path: string): string[] {
  return path.toLowerCase().replace(/\/$/, '').split('/')
}
