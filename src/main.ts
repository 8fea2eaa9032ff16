const argv = process.argv.slice(2)

// Answered before anything else is loaded: scripts ask for it often.
if (argv.length === 1 && argv[0] === '--version') {
  const { VERSION } = await import('./cli/version.ts')
  process.stdout.write(`${VERSION}\n`)
} else {
  const { runCli } = await import('./cli/cli.ts')
  await runCli(argv, {
    localAuthority: async () => (await import('./main/local-authority.ts')).localAuthority,
  })
}

export {}
