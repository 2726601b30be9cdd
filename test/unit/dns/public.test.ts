// Which names end in a public top-level domain.
import { expect, it } from 'vitest'
import { isPublic } from '../../../src/dns/public.ts'

it.each(['com', 'google.com', 'ai', 'bank', 'dev', 'a.b.app', 'shop', 'xn--p1ai', 'a.xn--fiqs8s', 'co.uk'])(
  '%s does',
  (name) => {
    expect(isPublic(name)).toBe(true)
  },
)

it.each([
  '',
  'front',
  'com.front',
  'docker.internal',
  'a.test',
  'a.local',
  'a.lan',
  'a.corp',
  'xn--nobody',
  'com-',
])('"%s" does not', (name) => {
  expect(isPublic(name)).toBe(false)
})
