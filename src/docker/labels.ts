// Pure: a container's berth.* labels → what they ask for, and what is wrong with them.
import { suggestion } from '../config/similar.ts'
import { canonicalName } from '../dns/name.ts'
import type { LabelSettings, Port } from '../registry/types.ts'

export interface ReadLabels {
  readonly settings: LabelSettings
  /** Ports that `berth.port.NAME` labels name. */
  readonly ports: readonly Port[]
  /** A sentence for each label that can't be used; the others hold. */
  readonly problems: readonly string[]
}

const keys = ['berth.names', 'berth.ignore', 'berth.ttl', 'berth.port.NAME']

export function readLabels(labels: Readonly<Record<string, string>>): ReadLabels {
  const names: string[] = []
  const wildcards: string[] = []
  const ports: Port[] = []
  const problems: string[] = []
  let ignored = false
  let ttl: number | undefined
  for (const [key, value] of Object.entries(labels)) {
    if (!key.startsWith('berth.')) continue
    const refuse = (problem: string) => problems.push(`label ${key}: ${problem}`)
    if (key === 'berth.names') {
      for (const item of value.split(',').map((text) => text.trim())) {
        if (item === '') continue
        const wildcard = item.startsWith('*.')
        const name = canonicalName(wildcard ? item.slice(2) : item)
        if (name === undefined || name === '' || name.includes('*')) {
          refuse(`"${item}" is no domain name; write for example "web,*.web"`)
        } else (wildcard ? wildcards : names).push(name)
      }
    } else if (key === 'berth.ignore') {
      if (/^(true|1|yes)$/i.test(value)) ignored = true
      else if (!/^(false|0|no|)$/i.test(value)) refuse(`"${value}" is neither true nor false`)
    } else if (key === 'berth.ttl') {
      if (/^\d{1,5}$/.test(value) && Number(value) <= 86_400) ttl = Number(value)
      else refuse(`"${value}" is no number of seconds from 0 to 86400`)
    } else if (key.startsWith('berth.port.')) {
      const port = readPort(key.slice('berth.port.'.length), value)
      if (typeof port === 'string') refuse(port)
      else ports.push(port)
    } else refuse(`there is no such label${suggestion(key, keys, `; there are ${keys.join(', ')}`)}`)
  }
  return { settings: { names, wildcards, ignored, ttl }, ports, problems }
}

/** `berth.port.http=8080`, `berth.port.dns=53/udp`. */
function readPort(name: string, value: string): Port | string {
  const label = name.toLowerCase()
  // RFC 6335, 5.1, with room for names in use that are longer than its 15 characters; SRV puts "_" before.
  if (!/^[a-z0-9]([a-z0-9_-]{0,60}[a-z0-9])?$/.test(label)) {
    return `"${name}" can't be a port's name; letters, digits and hyphens can`
  }
  const port = portFrom(value)
  if (port === undefined) return `"${value}" is no port; write for example "8080" or "53/udp"`
  return { ...port, name: label }
}

/** Docker's "80/tcp"; the protocol may be left out. */
export function portFrom(text: string): Port | undefined {
  const [, digits, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(text.trim()) ?? []
  const number = Number(digits)
  if (digits === undefined || number < 1 || number > 65_535) return undefined
  return { number, protocol: protocol.toLowerCase() as Port['protocol'], name: undefined }
}
