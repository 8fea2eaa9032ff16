/**
 * Lines up columns, two spaces apart, without trailing spaces. Control characters in cells become `?`: names come from
 * other people, and a terminal obeys escape sequences.
 *
 * @param rows Each as long as `header`.
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const cells = [header, ...rows].map((row) => row.map(printable))
  const widths = header.map((_, column) =>
    Math.max(...cells.map((row) => (row[column] ?? '').length)),
  )
  return cells
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

/** Lines up `name: value` pairs; an absent value leaves its line out. */
export function formatFields(
  fields: readonly (readonly [name: string, value: string | number | null | undefined])[],
): string {
  const present = fields.filter(([, value]) => value !== null && value !== undefined)
  const width = Math.max(0, ...present.map(([name]) => name.length))
  return present
    .map(([name, value]) => `${`${name}:`.padEnd(width + 1)} ${printable(String(value))}\n`)
    .join('')
}

/**
 * The text with all that a terminal obeys or does not show, line breaks too, replaced by `?`: control, format and unassigned
 * characters.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
}
