const EXIT_BUG = 70

/** Runs the command line; whatever it ends with is in `process.exitCode`. */
async function main(argv: readonly string[]): Promise<void> {
  // Where nothing is left that could go on with the command, Node would end as if all had gone well.
  process.once('beforeExit', tellUnfinished)
  const { runCli } = await import('./cli/cli.ts')
  await runCli(argv, {
    localAuthority: async () => (await import('./main/local-authority.ts')).localAuthority,
  })
  process.off('beforeExit', tellUnfinished)
}

function tellUnfinished(): void {
  process.exitCode = EXIT_BUG
  process.stderr.write('error: the command did not come to its end; this is a bug\n')
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.off('beforeExit', tellUnfinished)
  process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : String(error)}\n`)
  process.exitCode = EXIT_BUG
})
