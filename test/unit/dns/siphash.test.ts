// SipHash-2-4 against the vectors of its authors: key 00 to 0f, input 00, 00 01, 00 01 02 …
import { expect, it } from 'vitest'
import { sipHash24 } from '../../../src/dns/siphash.ts'

const counting = (length: number) => Uint8Array.from({ length }, (_, i) => i)

it.each([
  [0, '310e0edd47db6f72'],
  [1, 'fd67dc93c539f874'],
  [2, '5a4fa9d909806c0d'],
  [3, '2d7efbd796666785'],
  [7, '37d1018bf50002ab'],
  [8, '6224939a79f5f593'],
  [15, 'e545be4961ca29a1'],
])('of %i bytes', (length, hash) => {
  expect(Buffer.from(sipHash24(counting(16), counting(length))).toString('hex')).toBe(hash)
})
