// Finding the Debian mirror in apt's source lists (test/engine/sources.ts).
import { describe, expect, it } from 'vitest'
import { findMirror } from '../engine/sources.ts'

const vendor = 'deb [signed-by=/k.gpg] http://vendor.example/apt bookworm stable\n'

describe('findMirror', () => {
  it('reads deb822 stanzas', () => {
    const text = [
      'Types: deb',
      '# http://snapshot.example/debian',
      'URIs: http://security.example/debian-security',
      'Suites: bookworm-security',
      'Components: main',
      '',
      'Types: deb deb-src',
      'URIs: http://mirror.example/debian http://other.example/debian',
      'Suites: bookworm',
      ' bookworm-updates',
      'Components: main contrib',
      'Signed-By: /usr/share/keyrings/debian.gpg',
    ].join('\n')
    expect(findMirror([vendor, text], 'bookworm')).toEqual({
      uri: 'http://mirror.example/debian',
      signedBy: '/usr/share/keyrings/debian.gpg',
    })
  })

  it('passes over disabled stanzas and keys written into the file', () => {
    const stanza = (uri: string, more: string) =>
      `Types: deb\nURIs: ${uri}\nSuites: stable\nComponents: main\n${more}\n\n`
    const key =
      'Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEY865UxYJKwYBBAHaRw8BAQdAd7Z0srwuhlB6JKFkcf4HU4SSS'
    const text = stanza('http://a.example', 'Enabled: no') + stanza('http://b.example', key)
    expect(findMirror([text], 'trixie')).toEqual({ uri: 'http://b.example', signedBy: undefined })
  })

  it('reads one-line entries', () => {
    const text = `# deb http://old.example/debian bookworm main
deb-src http://src.example/debian bookworm main
deb http://mirror.example/debian bookworm-updates main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main # a remark
`
    expect(findMirror([vendor, text], 'bookworm')).toEqual({
      uri: 'http://mirror.example/debian',
      signedBy: '/k.gpg',
    })
  })

  it('finds nothing where there is no Debian mirror', () => {
    expect(findMirror([vendor, ''], 'bookworm')).toBeUndefined()
  })
})
