/** An image in an OCI image layout, as the user names it. */
export interface LayoutName {
  /** Path of the directory or of the archive. */
  readonly path: string
  /** Its digest, or its name in the layout; undefined where none is given. */
  readonly image: string | undefined
}

/**
 * Reads `PATH`, `PATH:NAME` or `PATH@sha256:DIGEST`.
 *
 * @param exists Whether there is something under the whole of it: then that is the path, whatever is in it.
 */
export function parseLayoutName(name: string, exists: boolean): LayoutName {
  const [, path, digest, tag] = /^(.+?)(?:@(sha256:[0-9a-f]{64})|:([^:/]+))$/s.exec(name) ?? []
  if (exists || path === undefined) return { path: name, image: undefined }
  return { path, image: digest ?? tag }
}
