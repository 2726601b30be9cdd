// Pure: turns what went wrong with an engine into a sentence that says what to do.
import type { EngineAddress } from '../../config/types.ts'
import { BerthError, explain, systemCode } from '../../lib/errors.ts'

const chooseAnother = 'set docker.engines or DOCKER_HOST to where it listens'

/** `doing` is what was tried, as in "list its networks". A BerthError passes as it is. */
export function toEngineError(error: unknown, address: EngineAddress, doing: string): BerthError {
  if (error instanceof BerthError) return error
  return new BerthError('ENGINE', sentence(error, address, doing), isKnown(error) ? undefined : error)
}

/** Its answer was not what Docker's API answers. */
export function notDockerError(address: EngineAddress, what: string): BerthError {
  return new BerthError(
    'ENGINE',
    `what listens at ${address.text} is not Docker's API (${what}); ${chooseAnother}`,
  )
}

/** No answer within `ms` milliseconds. */
export function timeoutError(address: EngineAddress, doing: string, ms: number): BerthError {
  return new BerthError('ENGINE', `the engine at ${address.text} gave no answer in ${ms / 1000} s (${doing})`)
}

/** Its answer is longer than `most` bytes, of which no more is read. */
export function tooLargeError(address: EngineAddress, doing: string, most: number): BerthError {
  const limit = most < 1024 * 1024 ? `${most} bytes` : `${Math.round(most / 1024 / 1024)} MiB`
  return new BerthError(
    'ENGINE',
    `the engine at ${address.text} answered with more than ${limit} (${doing}); see its limits in docs/names.md`,
  )
}

export function httpStatus(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode
  return typeof status === 'number' ? status : undefined
}

/** A proxy's or another server's page is no word of the engine's. */
export function isApiError(error: unknown): error is { readonly json: { readonly message: string } } {
  return typeof (error as { json?: { message?: unknown } | null }).json?.message === 'string'
}

/** Whether a refusal concerns only what was asked for, such as an image or a platform that the engine rejects. */
export function isRequestRefused(error: unknown, status: number): boolean {
  return isApiError(error) && ![401, 403, 405].includes(status)
}

/** Podman answers 500 where an object goes away during its inspect, with libpod's error as the cause. */
export function isGone(error: unknown): boolean {
  const cause = (error as { json?: { cause?: unknown } | null }).json?.cause
  return httpStatus(error) === 500 && typeof cause === 'string' && goneCauses.includes(cause)
}

const goneCauses = ['no such container', 'container has already been removed', 'network not found']

function sentence(error: unknown, address: EngineAddress, doing: string): string {
  const status = httpStatus(error)
  if (status !== undefined) return statusSentence(error, status, address, doing)
  const code = codeOf(error)
  if (code.startsWith('HPE_')) return notDockerError(address, 'it does not speak HTTP').message
  if (address.kind === 'unix') {
    const { path } = address
    if (code === 'ENOENT') {
      return `there is no socket at ${path}: is Docker running? If it listens elsewhere, ${chooseAnother}`
    }
    if (code === 'EACCES' || code === 'EPERM') {
      return `no permission to use ${path}: run berth as a user in the socket's group (sudo usermod -aG docker USER, then log in again) or as root`
    }
    if (code === 'ECONNREFUSED' || code === 'ENOTSOCK') {
      return `nothing listens on the socket ${path}: is Docker running (systemctl status docker)?`
    }
  } else {
    const tls = tlsSentence(error, code, address)
    if (tls !== undefined) return tls
    if (code === 'ECONNREFUSED') {
      return `nothing listens at ${address.host}, port ${address.port}: is Docker running there, and told to listen on TCP (dockerd -H)?`
    }
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
      return `the name ${address.host} does not resolve: write the engine's IP address (berth may itself be this host's resolver)`
    }
    if (['EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'].includes(code)) {
      return `${address.host} cannot be reached (${code}): check its address, routes and firewall`
    }
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return `the engine at ${address.text} closed the connection (${doing})`
  }
  return `the engine at ${address.text} cannot be asked (${doing})`
}

/** The system's code, or Node's own: HPE_INVALID_CONSTANT, ERR_SSL_…, DEPTH_ZERO_SELF_SIGNED_CERT. */
function codeOf(error: unknown): string {
  return systemCode(error) ?? String((error as { code?: unknown } | undefined)?.code ?? '')
}

/** Those whose sentence says it all; of others the cause is kept. */
function isKnown(error: unknown): boolean {
  const known = /^(HPE_.*|E(NOENT|ACCES|PERM|CONNREFUSED|NOTSOCK|NOTFOUND|AI_AGAIN|CONNRESET|PIPE|PROTO))$/
  return httpStatus(error) !== undefined || known.test(codeOf(error))
}

function statusSentence(error: unknown, status: number, address: EngineAddress, doing: string): string {
  const said = apiMessage(error)
  if (status === 400 && /HTTP request to an? HTTPS server/i.test(said)) {
    return `the engine at ${address.text} wants TLS: give docker.engines an entry with url, ca, cert and key`
  }
  if (status === 401 || status === 403) {
    return `${address.text} refuses to ${doing} (HTTP ${status}): a socket proxy must allow /events, /containers, /networks, /images and /_ping, or /version`
  }
  if (status < 500 && !isApiError(error)) return notDockerError(address, `it answers HTTP ${status}`).message
  return `the engine at ${address.text} failed to ${doing} (HTTP ${status}${said === '' ? '' : `: ${said}`})`
}

/** Docker's own words, or the beginning of whatever was answered instead, on one line. */
function apiMessage(error: unknown): string {
  const { json, message } = error as { json?: unknown; message?: string }
  const told = (json as { message?: unknown } | undefined)?.message
  const text =
    typeof told === 'string' ? told : (message ?? '').replace(/^\(HTTP code \d+\) .*? - /, '').trim()
  return text.replace(/\s+/g, ' ').slice(0, 200)
}

function tlsSentence(error: unknown, code: string, address: EngineAddress & { kind: 'tcp' }) {
  if (code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return `${address.host}, port ${address.port}, does not speak TLS: leave out ca, cert and key, or use the engine's TLS port (2376)`
  }
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|ALERT_BAD_CERT|ALERT_UNKNOWN_CA/.test(code)) {
    return `the engine at ${address.text} does not accept berth's certificate (${code}): check cert and key, and that its CA signed them`
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `the certificate of ${address.text} is for other names: ${explain(error)}; use a name that it holds`
  }
  if (/CERT|SIGNED|ISSUER|SIGNATURE/.test(code)) {
    return `the certificate of ${address.text} is not trusted (${code}): give the CA that signed it as ca`
  }
  return undefined
}
