/**
 * `Content-Disposition` for a file name: an ASCII form for old clients and RFC 8187's for all others.
 *
 * Source: RFC 6266, sections 4.1 and 4.3.
 */
export function contentDisposition(fileName: string): string {
  const ascii = fileName.replaceAll(/[^\x20-\x7e]|["\\%;]/g, '_')
  const extended = encodeURIComponent(fileName.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${ascii}"; filename*=UTF-8''${extended}`
}
