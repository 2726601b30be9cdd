// Names as engines tell them: by which question each is found, as Docker 20.10, 26.1 and 28.5 were seen to answer.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readQuestion } from '../../../src/dns/name.ts'
import { keysOf, literalName, networkKey, whyUnaskable, wildcardsIn } from '../../../src/dns/told.ts'

/** The canonical name of a question with these labels. */
const asked = (...labels: string[]) => {
  const wire = labels.map((label) => {
    const raw = Buffer.from(label, 'utf8')
    return Buffer.concat([Buffer.of(raw.length), raw])
  })
  return readQuestion(Buffer.concat([Buffer.alloc(12), ...wire, Buffer.of(0, 0, 1, 0, 1)]))!.name
}

describe('a name that Docker’s resolver answers', () => {
  it.each([
    ['plain', 'plain'],
    ['Web', 'web'],
    ['c\\\\d', asked('c\\d')],
    ['e\\.f', asked('e.f')],
    ['z\\195\\188z', asked('züz')],
    ['*.wild.lan', '*.wild.lan'],
    // Go's lower case of the Kelvin sign and of the dotted I.
    ['\u212aube', 'kube'],
    ['\u0130x', 'ix'],
    ['sp\\ ace', asked('sp ace')],
    ['at\\@b.c', asked('at@b', 'c')],
  ])('%s is found as it is there', (told, name) => {
    expect(keysOf(told)).toEqual({ literal: name, ours: [] })
  })

  it.each(['dot.', 'web.', 'a\\b', '\\103x', 'sp\\032ace', 'g\\', '.lead', 'mid..dle', ''])(
    '%s is not found there, and by no other name',
    (told) => {
      expect(keysOf(told)).toEqual({ literal: undefined, ours: [] })
    },
  )

  it('is never one with another that Docker keeps apart', () => {
    const text = fc
      .array(
        fc.constantFrom('a', 'A', 'k', '\u212a', '.', '\\', '\\.', '\\\\', '\\097', '\\195', ' ', "'", 'ü'),
        {
          maxLength: 5,
        },
      )
      .map((parts) => parts.join(''))
    /** As Docker compares: Go's lower case, of the letters drawn here. */
    const inDocker = (told: string) => told.replaceAll('\u212a', 'k').toLowerCase()
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [one, two] = [literalName(a), literalName(b)]
        if (one !== undefined && two !== undefined) expect(one === two).toBe(inDocker(a) === inDocker(b))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a name that Docker’s resolver does not answer', () => {
  it.each<[string, string[]]>([
    ['bücher.lan', [asked('bücher', 'lan'), 'xn--bcher-kva.lan']],
    ['BÜCHER.Lan', [asked('bÜcher', 'lan'), asked('bücher', 'lan'), 'xn--bcher-kva.lan']],
    // Letters in parts (NFD) are those in one (NFC).
    ['bu\u0308cher', [asked('bu\u0308cher'), 'xn--bcher-kva']],
    ['straße_1.日本', [asked('straße_1', '日本'), 'xn--strae_1-3va.xn--wgv71a']],
    ['sp ace', [asked('sp ace')]],
    ["it's", [asked("it's")]],
    // IDNA would make another's name of these, or none.
    ['ｗｅｂ', [asked('ｗｅｂ')]],
    ['１２７', [asked('１２７')]],
    ['a。b', [asked('a。b')]],
    ...['ü/b', 'ü?b', 'ü%61', 'ü:80', 'ü@b', 'ü／b', 'xn--ü'].map((told): [string, string[]] => [
      told,
      [asked(told)],
    ]),
  ])('%s is found by UTF-8, and as programs write it', (told, names) => {
    expect(keysOf(told)).toEqual({ literal: undefined, ours: names })
  })

  it('is no name where it is no text', () => {
    for (const told of ['a\0b', 'a\nb', 'a\ufffdb', 'a\ud800b', 'ü\\b']) {
      expect(keysOf(told), JSON.stringify(told)).toEqual({ literal: undefined, ours: [] })
    }
  })

  it('is no longer than names are', () => {
    expect(keysOf('ü'.repeat(31)).ours[0]).toBe(asked('ü'.repeat(31)))
    // Too long as UTF-8, and short enough as IDNA has it; too long as either.
    expect(keysOf('ü'.repeat(40)).ours).toEqual([expect.stringMatching(/^xn--[a-z0-9]{1,59}$/)])
    expect(keysOf('字'.repeat(64)).ours).toEqual([])
  })
})

it('a wildcard stands below what follows its first label', () => {
  expect(wildcardsIn('*.foo.lan')).toEqual(['foo.lan'])
  expect(wildcardsIn('*.Bücher.lan')).toEqual([asked('bücher', 'lan'), 'xn--bcher-kva.lan'])
  for (const told of ['*', '*.', 'foo.*', 'a.*.lan', '*.*.lan', '*x.lan', '*.a\\b', '*.lan.']) {
    expect(wildcardsIn(told), told).toEqual([])
  }
})

it('a network that nobody can ask for keeps a key that is no question’s', () => {
  expect(networkKey('Front')).toBe('front')
  expect(networkKey('bü')).toBe('xn--b-eha')
  for (const told of ['net.', 'a\\b', 'x\\032y']) {
    expect(networkKey(told)).toBe(` ${told}`)
    expect(literalName(networkKey(told))).toBeUndefined()
  }
  expect(networkKey('net.')).not.toBe(networkKey('net'))
})

it.each([
  ['web', undefined],
  ['bücher', undefined],
  ['web.', 'it has a dot too many'],
  ['a..b', 'it has a dot too many'],
  ['a\\b', 'it has a backslash'],
  ['a\0b', 'it has a character that is no text'],
  ['a'.repeat(64), 'a label of it is longer than 63 bytes'],
  [`${'a'.repeat(60)}.`.repeat(5).slice(0, -1), 'it is longer than 253 bytes'],
])('why %s cannot be asked for', (told, why) => {
  expect(whyUnaskable(told)).toBe(why)
})
