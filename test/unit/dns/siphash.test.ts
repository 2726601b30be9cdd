// SipHash-2-4 and HalfSipHash-2-4 against the vectors of its authors: key 00 to 0f, input 00, 00 01, 00 01 02 …
import { expect, it } from 'vitest'
import { halfSipHash24, sipHash24 } from '../../../src/dns/siphash.ts'

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

it.each([
  [0, '218d1f59b9b83cc8'],
  [1, 'be552412f8387315'],
  [2, '064f39ef7c50eb57'],
  [3, 'ce0f1a45f7060679'],
  [4, 'd5e78a175be52ea1'],
  [7, 'ff202728b07bc684'],
  [8, 'edfee820bce4858c'],
  [15, '217d0bcb4e81c902'],
  [63, '2ea63c71bf326087'],
])('of a text of %i characters, 53 bits of 64', (length, hash) => {
  const [low, high] = [Buffer.from(hash, 'hex').readUInt32LE(0), Buffer.from(hash, 'hex').readUInt32LE(4)]
  const told = halfSipHash24([0x03020100, 0x07060504], String.fromCharCode(...counting(length)))
  expect(told).toBe((high >>> 11) * 2 ** 32 + low)
  expect(Number.isSafeInteger(told)).toBe(true)
})
