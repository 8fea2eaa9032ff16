/** Runs the command line; whatever it ends with is in `process.exitCode`. */
async function main(argv: readonly string[]): Promise<void> {
  const { runCli } = await import('./cli/cli.ts')
  await runCli(argv, {
    localAuthority: async () => (await import('./main/local-authority.ts')).localAuthority,
  })
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : String(error)}\n`)
  process.exitCode = 70
})
