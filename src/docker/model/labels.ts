// Pure: parses a container's berth.* labels, and describes what is wrong with them.
import { canonicalName } from '../../dns/name.ts'
import { internationalName } from '../../dns/told.ts'
import { suggestion } from '../../lib/suggest.ts'
import type { LabelSettings, Port } from '../../registry/types.ts'
import { longestLabel } from '../api/fields.ts'
import { limits } from './limits.ts'

export interface ParsedLabels {
  readonly settings: LabelSettings
  /** Ports that `berth.port.NAME` labels name. */
  readonly ports: readonly Port[]
  /** A sentence for each label that can't be used; the others hold. */
  readonly problems: readonly string[]
}

const longestKey = 256
const longestQuote = 100

const keys = ['berth.names', 'berth.ignore', 'berth.ttl', 'berth.port.NAME']

export function parseLabels(labels: Readonly<Record<string, string>>): ParsedLabels {
  const names = new Set<string>()
  const wildcards = new Set<string>()
  const ports: Port[] = []
  const problems: string[] = []
  let untold = 0
  let ignored = false
  let ttl: number | undefined
  for (const key in labels) {
    if (!key.startsWith('berth.')) continue
    const value = labels[key]!
    const refuse = (problem: string) => {
      if (problems.length < limits.problems) problems.push(`label ${shortened(key)}: ${problem}`)
      else untold++
    }
    if (key.length > longestKey || value.length > longestLabel) {
      refuse(`it is too long; a key may have ${longestKey} characters, a value ${longestLabel}`)
    } else if (key === 'berth.names') {
      for (const part of value.split(',')) {
        const item = part.trim()
        if (item === '') continue
        const wildcard = item.startsWith('*.')
        const name = canonicalName(wildcard ? item.slice(2) : item)
        if (name === undefined || name === '' || name.includes('*')) {
          refuse(`"${shortened(item)}" is no domain name; write for example "web,*.web"`)
        } else {
          const inAscii = internationalName(wildcard ? item.slice(2) : item)
          for (const each of [name, inAscii ?? name]) (wildcard ? wildcards : names).add(each)
        }
      }
    } else if (key === 'berth.ignore') {
      if (/^(true|1|yes)$/i.test(value)) ignored = true
      else if (!/^(false|0|no|)$/i.test(value)) refuse(`"${shortened(value)}" is neither true nor false`)
    } else if (key === 'berth.ttl') {
      if (/^\d{1,5}$/.test(value) && Number(value) <= 86_400) ttl = Number(value)
      else refuse(`"${shortened(value)}" is no number of seconds from 0 to 86400`)
    } else if (key.startsWith('berth.port.')) {
      const port = readPort(key.slice('berth.port.'.length), value)
      if (typeof port === 'string') refuse(port)
      else ports.push(port)
    } else if (problems.length >= limits.problems) untold++
    // What it may have been meant for takes longer to find than all the rest.
    else refuse(`there is no such label${suggestion(key, keys, `; there are ${keys.join(', ')}`)}`)
  }
  if (untold > 0) problems.push(`${untold} more like these`)
  return { settings: { names: [...names], wildcards: [...wildcards], ignored, ttl }, ports, problems }
}

/** Of a label's own text no more goes into a sentence. */
function shortened(text: string): string {
  return text.length <= longestQuote ? text : `${text.slice(0, longestQuote)}…`
}

/** `berth.port.http=8080`, `berth.port.dns=53/udp`. */
function readPort(name: string, value: string): Port | string {
  const label = name.toLowerCase()
  // RFC 6335, 5.1, with room for names in use that are longer than its 15 characters; SRV puts "_" before.
  if (!/^[a-z0-9]([a-z0-9_-]{0,60}[a-z0-9])?$/.test(label)) {
    return `"${shortened(name)}" can't be a port's name; letters, digits and hyphens can`
  }
  const port = parsePort(value)
  if (port === undefined) return `"${shortened(value)}" is no port; write for example "8080" or "53/udp"`
  return { ...port, name: label }
}

/** Docker's "80/tcp"; the protocol may be left out. */
export function parsePort(text: string): Port | undefined {
  const [, digits, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(text.trim()) ?? []
  const number = Number(digits)
  if (digits === undefined || number < 1 || number > 65_535) return undefined
  return { number, protocol: protocol.toLowerCase() as Port['protocol'], name: undefined }
}
