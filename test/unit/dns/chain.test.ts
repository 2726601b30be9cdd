// Chains of CNAMEs in raw replies: where they lead, whatever the names are compressed to.
import { encode, type StringAnswer } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { isChain, readChain } from '../../../src/dns/chain.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readName, readQuestion } from '../../../src/dns/name.ts'
import { readReply } from '../../../src/dns/relay.ts'

const cname = (name: string, data: string): StringAnswer => ({ type: 'CNAME', name, ttl: 60, data })
const question = readQuestion(encodeQuery('a.example', 'A', { id: 1 }))!

function replyOf(...answers: StringAnswer[]) {
  const questions = [{ type: 'A' as const, name: 'a.example' }]
  return readReply(encode({ type: 'response', flags: 0x0180, questions, answers }), question)!
}

describe('a chain', () => {
  it.each<[string, StringAnswer[], string[]]>([
    ['of none', [], ['a.example']],
    [
      'in order',
      [cname('a.example', 'b.example'), cname('b.example', 'c.test')],
      ['a.example', 'b.example', 'c.test'],
    ],
    [
      'in another',
      [cname('b.example', 'c.test'), cname('a.example', 'b.example')],
      ['a.example', 'b.example', 'c.test'],
    ],
    [
      'in another case',
      [cname('A.EXAMPLE', 'B.Example'), cname('b.example', 'C.test')],
      ['a.example', 'b.example', 'c.test'],
    ],
    ['of another name', [cname('x.example', 'b.example')], ['a.example']],
    [
      'in a circle',
      [cname('a.example', 'b.example'), cname('b.example', 'a.example')],
      ['a.example', 'b.example'],
    ],
    ['to itself', [cname('a.example', 'a.example')], ['a.example']],
  ])('%s', (_, answers, expected) => {
    const reply = replyOf(...answers)
    expect(readChain(reply, 'a.example')).toEqual(expected)
    expect(isChain(reply)).toBe(answers.length > 0)
  })

  it('is followed for 16 links', () => {
    const links = Array.from({ length: 30 }, (_, n) =>
      cname(n === 0 ? 'a.example' : `n${n}.test`, `n${n + 1}.test`),
    )
    expect(readChain(replyOf(...links), 'a.example')).toHaveLength(17)
  })
})

describe('a name in a message', () => {
  const at = (hex: string, offset = 0) => readName(Buffer.from(hex, 'hex'), offset)

  it('is read through pointers, as canonical text', () => {
    expect(at('0141000162c000', 3)).toBe('b.a')
    expect(at('00')).toBe('')
    expect(at('022e5c00')).toBe('\\.\\\\')
  })

  it.each([
    ['one that ends too soon', '0361'],
    ['a pointer cut short', 'c0'],
    ['a circle', 'c000'],
    ['a circle with labels', '0161c000'],
    ['a pointer behind the end', 'c0ff'],
    ['a label of an unknown kind', '8000'],
    ['256 bytes', `${`3f${'61'.repeat(63)}`.repeat(4)}00`],
  ])('is none with %s', (_, hex) => {
    expect(at(hex)).toBeUndefined()
  })
})
