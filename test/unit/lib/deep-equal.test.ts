// Sameness of plain data, held against Node's own.
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isSame } from '../../../src/lib/deep-equal.ts'

/** Few different ones, so that many are equal. */
const leaf = fc.constantFrom<unknown>(undefined, null, true, 0, Number.NaN, 'a', '', 'b')
const key = fc.constantFrom('a', 'b', '0')
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3, noNullPrototype: true }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.uint8Array({ maxLength: 2, max: 1 }),
  ),
}))

/** Half of them say the same without being it. */
const pair = fc.oneof(
  fc.tuple(value, value),
  value.map((one) => [one, structuredClone(one)] as [unknown, unknown]),
)

it('is what Node’s isDeepStrictEqual says, of others and of copies', () => {
  let same = 0
  fc.assert(
    fc.property(pair, ([a, b]) => {
      expect(isSame(a, b)).toBe(isDeepStrictEqual(a, b))
      if (isSame(a, b)) same++
    }),
    { numRuns: 3000 },
  )
  expect(same).toBeGreaterThan(1000)
})
