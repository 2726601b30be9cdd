// The text of DOCKER_HOST → an address, or a sentence.
import { describe, expect, it } from 'vitest'
import { parseEngineAddress } from '../../../../src/docker/api/address.ts'
import { BerthError } from '../../../../src/lib/errors.ts'

describe('an engine’s address', () => {
  it.each([
    ['unix:///var/run/docker.sock', '/var/run/docker.sock'],
    ['/run/user/1000/docker.sock', '/run/user/1000/docker.sock'],
    [' unix:///a b.sock ', '/a b.sock'],
  ])('%s is a socket', (text, path) => {
    expect(parseEngineAddress(text)).toEqual({ kind: 'unix', path, text: `unix://${path}` })
  })

  it.each([
    ['tcp://docker', 'docker', 2375, false],
    ['tcp://docker.example:1234/', 'docker.example', 1234, false],
    ['10.0.0.1:2375', '10.0.0.1', 2375, false],
    ['docker', 'docker', 2375, false],
    ['tcp://[fd00::1]', 'fd00::1', 2375, false],
    ['http://10.0.0.1', '10.0.0.1', 2375, false],
    ['https://10.0.0.1', '10.0.0.1', 2376, true],
    ['HTTPS://[::1]:443', '::1', 443, true],
  ])('%s is TCP', (text, host, port, secured) => {
    const tls = secured ? {} : undefined
    expect(parseEngineAddress(text)).toEqual({ kind: 'tcp', host, port, text, tls })
  })

  it('has 2376 for its port where there is TLS material', () => {
    const tls = { ca: 'CA', cert: 'CERT', key: 'KEY' }
    expect(parseEngineAddress('tcp://docker', tls)).toMatchObject({ port: 2376, tls })
    expect(parseEngineAddress('tcp://docker:2375', tls)).toMatchObject({ port: 2375, tls })
  })

  it.each([
    ['', /it is empty.*unix:\/\/\/var\/run\/docker\.sock/],
    ['ssh://me@host', /over ssh:.*ssh -L/],
    ['npipe:////./pipe/docker_engine', /npipe:.*WSL/],
    ['tcp://[fe80::1%eth0]:99', /with a zone.*another of its addresses/],
    ['fd://', /told to listen.*unix:/],
    ['ftp://x', /ftp:\/\/ is not known/],
    ['unix://', /absolute path/],
    ['unix://docker.sock', /absolute path/],
    [`/${'x'.repeat(107)}`, /107 bytes/],
    ['tcp://', /host is missing/],
    ['tcp://:2375', /host is missing/],
    ['tcp://fd00::1', /in brackets, tcp:\/\/\[fd00::1\]/],
    ['tcp://[fd00::g]', /no host name or address/],
    ['tcp://[docker]', /no host name or address/],
    ['tcp://10.0.0.256', /no host name or address/],
    ['tcp://a b', /no host name or address/],
    ['tcp://me@docker', /user name/],
    ['tcp://docker/v1', /path after the host/],
    ['tcp://docker:0', /no port 0/],
    ['tcp://docker:65536', /no port 65536/],
    ['tcp://docker:abc', /not readable/],
  ])('%s is refused with a reason', (text, reason) => {
    expect(() => parseEngineAddress(text)).toThrow(reason)
    expect(() => parseEngineAddress(text)).toThrow(BerthError)
  })

  it('takes certificates for TCP with TLS only', () => {
    expect(() => parseEngineAddress('http://docker', { ca: 'CA' })).toThrow(/https:/)
    expect(() => parseEngineAddress('/docker.sock', { ca: 'CA' })).toThrow(/uses none/)
  })
})
