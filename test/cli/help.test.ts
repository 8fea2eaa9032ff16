import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runChancery } from '../support/chancery-process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The names under COMMANDS of a help text. */
function commandsOf(help: string): readonly string[] {
  const [, list = ''] = help.split('\nCOMMANDS\n')
  return [...list.matchAll(/^ {2}([a-z-]+) /gm)].map((match) => match[1]!)
}

/** The command lines under EXAMPLES of a help text. */
function examplesOf(help: string): readonly string[] {
  const [, rest = ''] = help.split('\nEXAMPLES\n')
  const [list = ''] = rest.split('\n\n')
  return list.split('\n')
}

/** The command lines in the fenced blocks of a Markdown text, lines that go on put together. */
function commandLinesOf(markdown: string): readonly string[] {
  const blocks = [...markdown.matchAll(/^```\w*\n(.*?)^```/gms)].map((match) => match[1]!)
  return blocks.flatMap((block) => block.replaceAll(/\\\n */g, '').split('\n'))
}

describe('the help and the pages', () => {
  /** What `--help` prints, by the words of the command. */
  const helps = new Map<string, string>()

  before(async () => {
    const queue: string[][] = [[]]
    while (queue.length > 0) {
      const batch = queue.splice(0, 4)
      await Promise.all(
        batch.map(async (words) => {
          const { code, stdout, stderr } = await runChancery([...words, '--help'])
          assert.deepEqual([code, stderr], [0, ''], words.join(' '))
          helps.set(words.join(' '), stdout)
          for (const name of commandsOf(stdout)) queue.push([...words, name])
        }),
      )
    }
  })

  /** What no command of a line knows: a command, or a flag. */
  function unknownIn(line: string): readonly string[] {
    const calls = line
      .replace(/ # .*/, '')
      .matchAll(/(?<!-[a-z] |[\w/.-])chancery(?= [a-z-])([^|;&<>)`]*)/g)
    return [...calls].flatMap(([, text = '']) => {
      const words = text
        .replaceAll(/"[^"]*"|'[^']*'/g, 'quoted')
        .trim()
        .split(/\s+/)
      let command = ''
      while (helps.has(`${command} ${words[0]}`.trim())) {
        command = `${command} ${words.shift()!}`.trim()
      }
      const help = helps.get(command)!
      if (commandsOf(help).length > 0 && words[0]?.startsWith('-') === false) return [text.trim()]
      const flags = words
        .filter((word) => /^--?[a-z]/.test(word))
        .map((word) => word.split('=')[0]!)
      return flags.filter((flag) => !new RegExp(`[ /[]${flag}[\\s\\]/]`).test(help))
    })
  }

  it('there is one with examples for every command', () => {
    assert.ok(helps.size > 60, `found ${helps.size}`)
    for (const [command, help] of helps) {
      assert.match(help, /\nEXAMPLES\n {2}\S/, command)
      assert.ok(!help.includes('\u001b'), command)
    }
  })

  it('has examples of commands and flags that there are, its own among them', () => {
    for (const [command, help] of helps) {
      for (const example of examplesOf(help)) {
        assert.deepEqual(unknownIn(example), [], example)
        assert.ok(example.includes(`chancery ${command}`.trim()), `${command}: ${example}`)
      }
    }
  })

  it('says the form of the value of each flag that has one, and its default', () => {
    const forms: Readonly<Record<string, RegExp>> = {
      sign: /--annotations\]\.\.\. +NAME=VALUE: Annotation/,
      verify: /--timeout\] +DURATION: .*, as 90s, 10m or 2h +\[default = 3m\]/,
      copy: /--src-creds\] +USER:PASSWORD: /,
      serve: /--max-artifact-bytes\] +BYTES: .*64 MiB/,
      'certificates create': /--valid-for-days\] +N: .*1825/,
      'trusted-root create': /--tsa\]\.\.\. +url=URL,certificate-chain=FILE/,
      'attach attestation': /--attestation\.\.\. +FILE: /,
    }
    for (const [command, form] of Object.entries(forms)) {
      assert.match(helps.get(command) ?? '', form, command)
    }
  })

  it('is what README.md and docs/ show', async () => {
    const pages = ['README.md', ...(await readdir(`${root}/docs`)).map((name) => `docs/${name}`)]
    let shown = 0
    for (const page of pages.filter((name) => name.endsWith('.md'))) {
      for (const line of commandLinesOf(await readFile(`${root}/${page}`, 'utf8'))) {
        assert.deepEqual(unknownIn(line), [], `${page}: ${line}`)
        if (line.includes('chancery ')) shown += 1
      }
    }
    assert.ok(shown > 40, `found ${shown}`)
    assert.deepEqual(unknownIn('chancery sgin x'), ['sgin x'])
    assert.deepEqual(unknownIn('A=1 chancery verify x --kye k -r # --no'), ['--kye'])
  })
})
