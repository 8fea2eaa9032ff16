import { styleText } from 'node:util'

/** Tells on the terminal what the demo does; colours only where the terminal shows them. */
export class Story {
  readonly #startedAt = performance.now()

  title(text: string): void {
    this.#write(`${styleText('bold', text)}\n`)
  }

  step(text: string): void {
    this.#write(`\n${styleText('bold', `— ${text}`)}\n`)
  }

  command(line: string): void {
    this.#write(`${styleText('cyan', `$ ${line}`)}\n`)
  }

  output(text: string): void {
    const trimmed = text.trimEnd()
    if (trimmed !== '') this.#write(`${trimmed.replaceAll(/^/gm, '  ')}\n`)
  }

  hint(text: string): void {
    this.#write(`${styleText('dim', `  ${text}`)}\n`)
  }

  warn(text: string): void {
    this.#write(`${styleText('yellow', `  warning: ${text}`)}\n`)
  }

  end(image: string): void {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(1)
    this.#write(`
${styleText(['bold', 'green'], `Signed, attached, verified and audited in ${seconds} s: ${image}`)}
Nothing of it is left behind. Where to look next:
  npm start                          the server on ./data, to stay
  npx chancery --help                every command, each with examples
  npm run demo -- --image IMAGE      the same on an image in your own registry
  examples/chancery.yaml             the configuration that was applied
  docs/getting-started.md            the same by hand, step by step, and in CI
`)
  }

  #write(text: string): void {
    process.stdout.write(text)
  }
}
