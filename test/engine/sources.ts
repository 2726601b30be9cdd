// Reads apt's own source lists, to find the Debian mirror this machine already uses. Pure.

export type Mirror = { uri: string; signedBy: string | undefined }

type Source = { uris: string[]; suites: string[]; components: string[]; signedBy: string | undefined }

const words = (text = '') => text.split(/\s+/).filter(Boolean)
// A key written into the file itself is left aside: the release's keyring holds the same one.
const keyPath = (text = '') => words(text).find((word) => word.startsWith('/'))

// The mirror the running release is installed from; `texts` are the contents of the source lists.
export function findMirror(texts: string[], codename: string): Mirror | undefined {
  const suites = [codename, 'stable', 'oldstable', 'testing']
  for (const source of texts.flatMap((text) =>
    /^Types:/m.test(text) ? parseDeb822(text) : parseLines(text),
  )) {
    const uri = source.uris[0]
    if (uri && source.components.includes('main') && source.suites.some((suite) => suites.includes(suite))) {
      return { uri, signedBy: source.signedBy }
    }
  }
  return undefined
}

function parseDeb822(text: string): Source[] {
  const sources: Source[] = []
  const lines = text.split('\n').filter((line) => !line.startsWith('#'))
  for (const stanza of lines.join('\n').split(/\n\s*\n/)) {
    const fields = new Map<string, string>()
    let last = ''
    for (const line of stanza.split('\n')) {
      const field = /^([A-Za-z-]+):(.*)$/.exec(line)
      if (field) last = field[1]!.toLowerCase()
      fields.set(last, `${fields.get(last) ?? ''} ${field ? field[2] : line}`)
    }
    if (!words(fields.get('types')).includes('deb') || fields.get('enabled')?.trim() === 'no') continue
    sources.push({
      uris: words(fields.get('uris')),
      suites: words(fields.get('suites')),
      components: words(fields.get('components')),
      signedBy: keyPath(fields.get('signed-by')),
    })
  }
  return sources
}

function parseLines(text: string): Source[] {
  const sources: Source[] = []
  for (const line of text.split('\n')) {
    const entry = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line)
    if (!entry) continue
    const signedBy = /signed-by=(\S+)/.exec(entry[1] ?? '')?.[1]
    sources.push({ uris: [entry[2]!], suites: [entry[3]!], components: words(entry[4]), signedBy })
  }
  return sources
}
