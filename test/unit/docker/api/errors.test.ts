// Errors of an engine → sentences that say what to do.
import { describe, expect, it } from 'vitest'
import { parseEngineAddress } from '../../../../src/docker/api/address.ts'
import { toEngineError } from '../../../../src/docker/api/errors.ts'
import { BerthError, explain } from '../../../../src/lib/errors.ts'

const unix = parseEngineAddress('/var/run/docker.sock')
const tcp = parseEngineAddress('tcp://docker:2375')
const system = (code: string) => Object.assign(new Error(`connect ${code}`), { code })
const http = (statusCode: number, json: unknown, text = String(json)) =>
  Object.assign(new Error(`(HTTP code ${statusCode}) unexpected - ${text} `), { statusCode, json })

describe('a problem', () => {
  it.each([
    [
      'no socket',
      unix,
      system('ENOENT'),
      /no socket at \/var\/run\/docker\.sock.*Docker running.*DOCKER_HOST/,
    ],
    ['no permission', unix, system('EACCES'), /no permission to use \/var\/run\/docker\.sock.*group/],
    ['a dead socket', unix, system('ECONNREFUSED'), /nothing listens on the socket/],
    ['a closed port', tcp, system('ECONNREFUSED'), /nothing listens at docker, port 2375/],
    ['an unknown host', tcp, system('ENOTFOUND'), /docker does not resolve.*IP address/],
    ['no route', tcp, system('EHOSTUNREACH'), /cannot be reached \(EHOSTUNREACH\)/],
    ['another protocol', tcp, system('HPE_INVALID_CONSTANT'), /not Docker's API \(it does not speak HTTP\)/],
    ['no TLS there', tcp, system('EPROTO'), /does not speak TLS/],
    ['an unknown CA', tcp, system('SELF_SIGNED_CERT_IN_CHAIN'), /not trusted.*as ca/],
    ['another name', tcp, system('ERR_TLS_CERT_ALTNAME_INVALID'), /for other names/],
    ['our certificate', tcp, system('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), /berth's certificate/],
    ['a cut connection', unix, system('ECONNRESET'), /closed the connection \(list its networks\)/],
    [
      'TLS wanted',
      tcp,
      http(400, Buffer.from(''), 'Client sent an HTTP request to an HTTPS server.'),
      /wants TLS: give .*ca, cert and key/,
    ],
    ['a proxy', tcp, http(403, Buffer.from('x')), /refuses to list its networks \(HTTP 403\).*socket proxy/],
    ['a web server', tcp, http(404, Buffer.from('<html>')), /not Docker's API \(it answers HTTP 404\)/],
    [
      'Docker’s own',
      unix,
      http(500, { message: 'out of\n cheese' }),
      /failed to list its networks \(HTTP 500: out of cheese\)/,
    ],
    ['anything', unix, new Error('odd'), /cannot be asked \(list its networks\): odd/],
  ])('%s', (_, address, error, sentence) => {
    const problem = toEngineError(error, address, 'list its networks')
    expect(problem.code).toBe('ENGINE')
    expect(explain(problem)).toMatch(sentence)
    expect(explain(problem)).not.toMatch(/\n/)
  })

  it('that is told already stays as it is', () => {
    const told = new BerthError('ENGINE', 'told')
    expect(toEngineError(told, unix, 'x')).toBe(told)
  })
})
