// The README's transcripts: commands, and what it says they print.
import { readFileSync } from 'node:fs'

export interface Command {
  readonly command: string
  /** Without spaces at its ends. */
  readonly output: string
}

/** Those of the blocks that start with ```console and this word. */
export function transcript(word = ''): Command[] {
  const fence = ['console', word].filter(Boolean).join(' ')
  const pattern = new RegExp(`^\`\`\`${fence}\\n([\\s\\S]*?)^\`\`\`$`, 'gm')
  return [...readFileSync('README.md', 'utf8').matchAll(pattern)].flatMap(([, block]) =>
    block!
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command, ...output] = part.split('\n')
        return { command: command!, output: output.join('\n').trim() }
      }),
  )
}
