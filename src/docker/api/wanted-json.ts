// Pure: what berth reads of long JSON from an engine; the rest is skipped without being parsed (partial-json.ts).

import { each, fields, longText, parseJson, parsePartially, type Wanted } from './partial-json.ts'

/** Labels that berth reads; a container may have megabytes of others. */
export const isOurs = (key: string) =>
  key.startsWith('berth.') || key.startsWith('com.docker.compose.') || key.startsWith('com.docker.swarm.')

/** An inspect's or a row's value, of a long one what is read of it and not much more; undefined where it is no JSON. */
export function parseContainer(told: string): unknown {
  return parseLong(told, containerParts)
}

export function parseNetwork(told: string): unknown {
  return parseLong(told, networkParts)
}

export function parseImage(told: string): unknown {
  return parseLong(told, imageParts)
}

function parseLong(told: string, part: Wanted): unknown {
  if (told.length <= longText) return parseJson(told)
  const skimmed = parsePartially(told, part)
  if (skimmed === undefined) return null
  return skimmed.isWhole ? skimmed.value : undefined
}

/** An image may have any number of others before them. */
const surelyRead: readonly string[] = [
  ...['berth.names', 'berth.ignore', 'berth.ttl'],
  ...['project', 'service', 'container-number', 'oneoff'].map((name) => `com.docker.compose.${name}`),
  'com.docker.swarm.service.id',
]

const ownLabels: Wanted = (key) => (surelyRead.includes(key) ? 'surely' : isOurs(key) ? 'whole' : undefined)

/** An inspect's, and a row's: they have some keys in common, of which one is a text here and an object there. */
const containerParts = fields({
  ...{ Id: 'whole', Name: 'whole', Names: 'whole', Status: 'whole', Labels: ownLabels },
  ...{ Image: 'whole', ImageID: 'whole', ImageManifestDescriptor: 'whole' },
  State: 'whole',
  Config: fields({ Hostname: 'whole', Labels: ownLabels, ExposedPorts: each('whole') }),
  HostConfig: fields({ NetworkMode: 'whole', Links: 'whole', Sysctls: each('whole') }),
  NetworkSettings: fields({ Networks: each('whole') }),
  // Podman's own rows (libpod).
  ...{ StartedAt: 'whole', Networks: 'whole' },
})

const imageParts = fields({
  ...{ Os: 'whole', Architecture: 'whole', Variant: 'whole' },
  Config: fields({ Labels: ownLabels }),
})

const networkParts = fields({
  ...{ Id: 'whole', Name: 'whole', Driver: 'whole', Scope: 'whole', Internal: 'whole', Ingress: 'whole' },
  ...{ IPAM: 'whole', Options: each('whole'), Containers: each('whole') },
  // Podman's own rows (libpod).
  ...{ id: 'whole', name: 'whole', driver: 'whole', internal: 'whole', subnets: 'whole' },
  ...{ options: each('whole'), ipam_options: each('whole') },
})
