// The `forward:` section of the configuration: upstreams, zones, how they are asked.
import { z } from 'zod'
import { choice, entries, field, flag, type Issues, readTextList, refuse, text } from './fields.ts'
import type { ForwardZone, Upstream } from './types.ts'
import { parseDuration, parseName, parseUpstream } from './values.ts'

export const forwardSection = z
  .strictObject({
    /**
     * Servers that other questions go to. "auto": resolv.conf's, followed as it changes; or a list of addresses,
     * port 53 where none is written; [] for none. Default: auto.
     */
    upstreams: field((value, issues): 'auto' | Upstream[] =>
      value === 'auto' ? value : readTextList(value, issues, parseUpstream, '"9.9.9.9"'),
    ).prefault('auto'),
    /** Servers for certain domains: domain → list of addresses. Default: none. */
    zones: entries('{corp.example: ["198.51.100.53"]}', readForwardZone).prefault({}),
    /** Which server is asked first. "sequential": in the order written; "random"; "fastest". Default: sequential. */
    policy: choice('sequential', 'random', 'fastest').prefault('sequential'),
    /** One deadline over all tries. A duration, 100ms to 60s. Default: 3500ms; Docker gives a server 4 s. */
    timeout: text((value) => parseDuration(value, '100ms', '60s'), '"3500ms"').prefault('3500ms'),
    /** Whether unknown names of one label are forwarded. true or false. Default: false. */
    singleLabel: flag.prefault(false),
  })
  .prefault({})

function readForwardZone(key: string, value: unknown, issues: Issues): ForwardZone | undefined {
  if (key === '.') return refuse(issues, 'the root is not a zone of its own; use forward.upstreams', key)
  if (key.startsWith('*.')) {
    return refuse(issues, `names below a zone are always included; write "${key.slice(2)}"`, key)
  }
  const name = parseName(key)
  if ('problem' in name) return refuse(issues, `the domain ${name.problem}`, key)
  const servers = readTextList(value, issues, parseUpstream, '"198.51.100.53"', key)
  if (Array.isArray(servers) && servers.length === 0) {
    return refuse(issues, 'has no servers; name at least one', key)
  }
  return { suffix: name.value, upstreams: servers }
}
