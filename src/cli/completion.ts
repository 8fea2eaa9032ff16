import { proposeCompletions, type Application } from '@stricli/core'
import type { CliContext } from './context.ts'
import type { Shell } from './shells.ts'

/**
 * The words that may stand where the last one stands, one a line.
 *
 * @param words The command line without the program's name; the last one is the word being typed, empty at its start.
 */
export async function proposeWords(
  application: Application<CliContext>,
  words: readonly string[],
): Promise<string> {
  const silent = { write: () => undefined }
  const context = { process: { stdout: silent, stderr: silent, env: {} } }
  const proposals = await proposeCompletions(application, words, {
    ...context,
    // Proposing reads no environment and calls no server.
    forCommand: () => context as unknown as CliContext,
  })
  // Flags stand in the way of file names until a dash asks for them.
  const isFlagWanted = words.at(-1)?.startsWith('-') ?? false
  return proposals
    .filter(({ kind }) => isFlagWanted || kind !== 'argument:flag')
    .map(({ completion }) => `${completion}\n`)
    .join('')
}

/** A script for the shell to read: `source <(chancery completion bash)`. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell]
}

// Where Chancery has nothing to propose the shell completes file names.
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_chancery() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("$line")
  done < <("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _chancery chancery
`,
  zsh: `#compdef chancery
_chancery() {
  local -a proposals
  proposals=("\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${proposals[1]}" ]]; then
    compadd -- "\${proposals[@]}"
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == "_chancery" ]]; then
  _chancery "$@"
else
  compdef _chancery chancery
fi
`,
  fish: `function __chancery_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l proposals ($words[1] __complete $words[2..-1] 2>/dev/null)
  if set -q proposals[1]
    string join \\n -- $proposals
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c chancery -f -a '(__chancery_complete)'
`,
}
