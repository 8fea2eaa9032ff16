/**
 * `node tools/errors-doc.ts > docs/errors.md`: the reference page of all error codes, printed from
 * the tables in src/errors/.
 */
import { format, resolveConfig } from 'prettier'
import type { CodeEntry } from '../src/errors/code-table.ts'
import { EXIT_CODE, HTTP_STATUS } from '../src/errors/chancery-error.ts'
import { CODES } from '../src/errors/codes.ts'

const introduction = `# Error codes

This page is printed from \`src/errors/\` by \`npm run docs\`.

Every error that Chancery reports has one of these codes. Over HTTP it is the end of the problem
document's \`type\`, \`urn:chancery:error:<code>\` (RFC 9457); the CLI prints it with \`--json\`. A code
is never renamed and never gets another meaning. What is not in this table is a bug of Chancery:
HTTP status 500, exit status 70.

The exit status of the CLI tells apart: 1 verification or policy said no, 2 wrong call or bad input,
3 not allowed, 4 not found, 5 conflict, 6 unavailable, try again.
`

/** The text of docs/errors.md. */
export async function printErrorsPage(): Promise<string> {
  const areas = Map.groupBy(Object.entries<CodeEntry>(CODES), ([code]) => code.split('_')[1] ?? '')
  const sections = [...areas].map(([area, entries]) => {
    const rows = entries.map(
      ([code, { kind, summary, status }]) =>
        `| \`${code}\` | ${status ?? HTTP_STATUS[kind]} | ${EXIT_CODE[kind]} | ${summary} |`,
    )
    const header = '| Code | HTTP | Exit | Meaning |\n| --- | --- | --- | --- |'
    return `## ${area.toLowerCase()}\n\n${[header, ...rows].join('\n')}\n`
  })
  const config = await resolveConfig(import.meta.filename)
  return format([introduction, ...sections].join('\n'), { ...config, parser: 'markdown' })
}

if (import.meta.main) process.stdout.write(await printErrorsPage())
