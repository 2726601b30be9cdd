// Names between wire and text: what is read, what is refused, and that no two names share a text.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  canonicalName,
  encodeName,
  isBelow,
  isSingleLabel,
  isWithin,
  readName,
  readQuestion,
  skipName,
  splitName,
} from '../../../src/dns/name.ts'

const label = (bytes: Uint8Array | string) => {
  const raw = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes)
  return Buffer.concat([Buffer.of(raw.length), raw])
}
const wire = (labels: readonly (Uint8Array | string)[]) => Buffer.concat([...labels.map(label), Buffer.of(0)])
const asked = (name: Buffer, rest = Buffer.of(0, 1, 0, 1)) => Buffer.concat([Buffer.alloc(12), name, rest])
const read = (...labels: (Uint8Array | string)[]) => readQuestion(asked(wire(labels)))?.name

/** Labels of any bytes that make a name of at most 255 bytes. */
const anyLabels = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 6 })
  .filter((labels) => wire(labels).length <= 255)
/** Labels full of what needs escapes, dots inside among them. */
const nastyLabels = fc.array(
  fc
    .array(fc.constantFrom('.', '\\', 'a', 'Z', '0', '4', '6', ' ', '\0', '\n', '\xff', '"'), {
      minLength: 1,
      maxLength: 6,
    })
    .map((parts) => Buffer.from(parts.join(''), 'latin1')),
  { maxLength: 6 },
)
const lowered = (bytes: Buffer) =>
  Buffer.from(bytes.map((byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte)))

describe('reading a question', () => {
  it('gives name, type, class and where it ends', () => {
    const message = asked(wire(['WEB', 'Front']), Buffer.of(0, 28, 0, 1, 99, 99))
    expect(readQuestion(message)).toEqual({ name: 'web.front', type: 28, class: 1, end: 27 })
  })

  it('reads the root as the empty text', () => {
    expect(read()).toBe('')
  })

  it('escapes dots, backslashes and what is not printable; only ASCII letters are folded', () => {
    expect(read('a.b', 'c\\d')).toBe('a\\.b.c\\\\d')
    expect(read('A B', '\0\xff\xc4')).toBe('a\\032b.\\000\\255\\196')
    expect(read('@[`{')).toBe('@[`{')
  })

  it('takes labels of 63 bytes, refuses longer ones and compression pointers', () => {
    expect(read('a'.repeat(63))).toBe('a'.repeat(63))
    for (const length of [64, 65, 0x7f, 0x80, 0xbf, 0xc0, 0xff]) {
      const name = Buffer.concat([Buffer.of(length), Buffer.alloc(300, 0x61), Buffer.of(0)])
      expect(readQuestion(asked(name)), String(length)).toBeUndefined()
    }
    expect(readQuestion(asked(Buffer.of(0xc0, 12)))).toBeUndefined()
    expect(readQuestion(asked(Buffer.of(1, 0x61, 0xc0, 12)))).toBeUndefined()
  })

  it('takes names of 255 bytes and refuses those of 256', () => {
    const three = ['a', 'b', 'c'].map((letter) => letter.repeat(63))
    expect(read(...three, 'd'.repeat(61))).toHaveLength(253)
    expect(read(...three, 'd'.repeat(62))).toBeUndefined()
    expect(read(...Array(127).fill('x'))).toHaveLength(253)
    expect(read(...Array(128).fill('x'))).toBeUndefined()
  })

  it('refuses a question that is cut short anywhere', () => {
    const message = asked(wire(['web', 'front']))
    for (let size = 12; size < message.length; size++) {
      expect(readQuestion(message.subarray(0, size)), String(size)).toBeUndefined()
    }
    expect(readQuestion(message)).toBeDefined()
  })

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const question = readQuestion(asked(Buffer.from(bytes), Buffer.alloc(0)))
        expect(question?.end ?? 0).toBeLessThanOrEqual(12 + bytes.length)
      }),
    )
  })
})

describe('names as text', () => {
  it('come back as the bytes they were, in lower case', () => {
    fc.assert(
      fc.property(fc.oneof(anyLabels, nastyLabels), (labels) => {
        const bytes = wire(labels)
        const text = readQuestion(asked(bytes))!.name
        expect(encodeName(text)).toEqual(wire(labels.map((each) => lowered(Buffer.from(each)))))
        expect(canonicalName(text)).toBe(text)
        expect(splitName(text)).toHaveLength(labels.length)
      }),
    )
  })

  it('are never one for two different names', () => {
    fc.assert(
      fc.property(nastyLabels, nastyLabels, (a, b) => {
        const same = lowered(wire(a)).equals(lowered(wire(b)))
        expect(readQuestion(asked(wire(a)))!.name === readQuestion(asked(wire(b)))!.name).toBe(same)
      }),
      { numRuns: 300 },
    )
  })

  it('read as people write them', () => {
    expect(canonicalName('Web.Front.')).toBe('web.front')
    expect(canonicalName('.')).toBe('')
    expect(canonicalName('Bücher')).toBe('b\\195\\188cher')
    expect(canonicalName('a\\.b')).toBe('a\\.b')
    expect(canonicalName('a\\065')).toBe('aa')
    expect(encodeName('Web')).toEqual(Buffer.from('\x03Web\0', 'latin1'))
  })

  it.each(['a..b', '.a', 'a..', 'a\\256', 'x'.repeat(64), `${'x'.repeat(63)}.`.repeat(4)])(
    '%j can not be a name',
    (text) => {
      expect(encodeName(text)).toBeUndefined()
      expect(canonicalName(text)).toBeUndefined()
    },
  )
})

describe('being within a zone', () => {
  it.each([
    ['a.b', 'b', true],
    ['b', 'b', true],
    ['ab', 'b', false],
    ['b', 'a.b', false],
    ['a', '', true],
    ['', '', true],
    ['', 'b', false],
    ['x\\.b', 'b', false],
    ['x\\\\.b', 'b', true],
    ['x\\\\\\.b', 'b', false],
    ['y.x\\.b', 'x\\.b', true],
  ])('%j in %j: %s', (name, zone, expected) => {
    expect(isWithin(name, zone)).toBe(expected)
  })

  it('is having the zone’s labels as the last ones', () => {
    fc.assert(
      fc.property(nastyLabels, nastyLabels, (a, b) => {
        const text = (labels: Buffer[]) => readQuestion(asked(wire(labels)))!.name
        const tail = a.slice(Math.max(0, a.length - b.length))
        expect(isWithin(text(a), text(b))).toBe(lowered(wire(tail)).equals(lowered(wire(b))))
        expect(isWithin(text([...a, ...b]), text(b))).toBe(true)
        expect(isBelow(text([...a, ...b]), text(b))).toBe(a.length > 0 && b.length > 0)
        expect(isBelow(text(a), text(b))).toBe(
          isWithin(text(a), text(b)) && a.length > b.length && b.length > 0,
        )
      }),
    )
  })
})

it('a name has a single label where it splits into one', () => {
  fc.assert(
    fc.property(nastyLabels, (labels) => {
      const { name } = readQuestion(asked(wire(labels)))!
      expect(isSingleLabel(name)).toBe(splitName(name).length === 1)
    }),
  )
})

describe('skipping a name', () => {
  it('stops behind a pointer or the root, and nowhere else', () => {
    expect(skipName(wire(['web']), 0)).toBe(5)
    expect(skipName(Buffer.of(1, 0x61, 0xc0, 0), 0)).toBe(4)
    expect(skipName(Buffer.of(1, 0x61, 0xc0), 0)).toBeUndefined()
    expect(skipName(Buffer.of(1, 0x61), 0)).toBeUndefined()
    expect(skipName(Buffer.of(64), 0)).toBeUndefined()
    expect(skipName(Buffer.of(0), 1)).toBeUndefined()
  })
})

describe('reading a name with pointers', () => {
  const bytes = Buffer.concat([
    Buffer.alloc(12),
    // 12: example.org, 25: www and a pointer to it, 31: a pointer to that, 33: to itself, 35: ahead, 37: a label cut short.
    Buffer.from('\x07eXample\x03org\x00\x03wWw\xc0\x0c\xc0\x19\xc0\x21\xc0\x25\x05cut', 'latin1'),
  ])

  it.each([
    [12, 'example.org'],
    [20, 'org'],
    [24, ''],
    [25, 'www.example.org'],
    [31, 'www.example.org'],
    [33, undefined],
    [35, undefined],
    [37, undefined],
    [bytes.length, undefined],
  ])('at %i', (at, name) => {
    expect(readName(bytes, at)).toBe(name)
  })

  it('gives none over 255 bytes', () => {
    const label = Buffer.concat([Buffer.of(63), Buffer.alloc(63, 'a')])
    expect(readName(Buffer.concat([label, label, label, label, Buffer.of(0)]), 0)).toBeUndefined()
  })

  it('reads a whole one as a question’s', () => {
    fc.assert(
      fc.property(fc.oneof(anyLabels, nastyLabels), (labels) => {
        expect(readName(wire(labels), 0)).toBe(read(...labels))
      }),
    )
  })
})

describe('labels that end in a dot or a backslash', () => {
  it('are one label, and encode again', () => {
    expect(splitName('a\\.')).toEqual(['a\\.'])
    expect(splitName('a\\..b')).toEqual(['a\\.', 'b'])
    expect(encodeName('a\\.')).toEqual(Buffer.from('\x02a.\0', 'latin1'))
    expect(encodeName('a\\\\.')).toEqual(Buffer.from('\x02a\\\0', 'latin1'))
  })
})
