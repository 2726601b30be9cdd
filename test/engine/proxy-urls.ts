// What the socket proxy of config/haproxy-docker.cfg lets through, and what is near it and refused.
import { readFileSync } from 'node:fs'

const id = 'a'.repeat(64)
const network = '0123456789abcdefghijklmno'
const filters = encodeURIComponent('{"type":["container","network"]}')
const platform = encodeURIComponent('{"architecture":"arm64","os":"linux","variant":"v8"}')

/** Each also with an API version before it. */
const bare = [
  '/_ping',
  '/version',
  '/info',
  '/networks',
  `/networks/${id}`,
  // Swarm's ids.
  `/networks/${network}`,
  // Asked for by name until its id is known.
  '/networks/docker_gwbridge',
  `/networks/${id}?verbose=1`,
  `/networks/${network}?verbose=true`,
  '/containers/json?all=true',
  `/containers/${id}/json`,
  `/images/sha256:${id}/json`,
  `/images/sha256%3A${id}/json`,
  `/images/sha256%3a${id}/json`,
  `/images/sha256:${id}/json?platform=${platform}`,
  `/images/sha256%3A${id}/json?platform=${platform}`,
  `/images/sha256%3A${id}/json?platform=%7b%22os%22%3a%22linux%22%7d`,
  `/events?since=1700000000&filters=${filters}`,
  '/events?since=1700000000.000000001&until=1700000001.5',
  // Of Podman.
  '/events?since=1700000000.000000001&until=1700000001.5&stream=false',
]

/** Podman's own API, in the one version that berth asks for. */
const ofPodman = `/v4.0.0/libpod/pods/${'a'.repeat(12)}/json`
const ownFilter = `filters=${encodeURIComponent(JSON.stringify({ id: [id] }))}`

export const passed: readonly string[] = [
  ...bare.flatMap((url) => [url, `/v1.24${url}`, `/v1.54${url}`]),
  ofPodman,
  '/v4.0.0/libpod/containers/json?all=true',
  `/v4.0.0/libpod/containers/json?all=true&${ownFilter}`,
  '/v4.0.0/libpod/networks/json',
  `/v4.0.0/libpod/networks/json?${ownFilter}`,
]

export const refused: readonly (readonly [method: string, url: string])[] = [
  ...[
    ...['POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE'].flatMap((method) =>
      bare.slice(0, 4).map((url) => [method, url] as const),
    ),
    ['POST', '/containers/create'] as const,
    ['POST', '/v1.41/containers/create'] as const,
    ['POST', `/containers/${id}/exec`] as const,
    ['POST', `/images/create?fromImage=x`] as const,
    ['POST', `/images/sha256:${id}/json`] as const,
    ['DELETE', `/containers/${id}`] as const,
    ['DELETE', `/images/sha256:${id}`] as const,
  ],
  ...[
    // Lists and details of other kinds.
    '/images/json',
    '/images/search?term=x',
    `/images/sha256:${id}/history`,
    `/images/sha256:${id}/get`,
    '/secrets',
    '/configs',
    '/volumes',
    '/plugins',
    '/swarm',
    '/system/df',
    '/session',
    '/grpc',
    '/',
    // Other parameters, more of them, none where some are wanted.
    '/_ping?',
    '/info?x=1',
    '/version?',
    '/networks?filters=%7B%7D',
    `/networks/${id}?verbose=0`,
    `/networks/${id}?verbose=`,
    `/networks/${id}?verbose=1&scope=swarm`,
    `/networks/${id}?verbose=1&verbose=0`,
    `/networks/${id}?scope=swarm`,
    `/networks/${id}?`,
    '/containers/json',
    '/containers/json?all=1',
    '/containers/json?all=true&size=true',
    `/containers/${id}/json?size=true`,
    `/containers/${id}/json?`,
    `/images/sha256:${id}/json?`,
    `/images/sha256:${id}/json?platform=`,
    `/images/sha256:${id}/json?platform=linux/arm64`,
    `/images/sha256:${id}/json?platform={"os":"linux"}`,
    `/images/sha256:${id}/json?platform=${platform}&manifests=1`,
    `/images/sha256:${id}/json?manifests=1&platform=${platform}`,
    `/images/sha256:${id}/json?platform=${platform}%`,
    `/images/sha256:${id}/json?platform=%7B%2%7D`,
    `/images/sha256:${id}/json?manifests=1`,
    '/events',
    '/events?since=0',
    '/events?since=0&until=1&stream=true',
    '/events?since=0&until=1&stream=false&filters={}',
    '/events?since=0&until=1&filters={}',
    `/events?since=0&until=1&filters=${filters}`,
    '/events?since=0&filters={"type":["container"]}',
    `/events?filters=${filters}&since=0`,
    // Names where ids are wanted, ids of another length or case, more of the path.
    '/networks/bridge',
    '/networks/docker_gwbridge2',
    '/networks/xdocker_gwbridge',
    `/networks/${id}docker_gwbridge`,
    '/networks/DOCKER_GWBRIDGE',
    `/networks/${id}a`,
    `/networks/${id.slice(0, 24)}`,
    '/containers/web/json',
    `/containers/${id.slice(1)}/json`,
    `/containers/${id.toUpperCase()}/json`,
    `/containers/sha256:${id}/json`,
    '/images/alpine/json',
    '/images/alpine:3/json',
    `/images/${id}/json`,
    `/images/sha256:${id.slice(1)}/json`,
    `/images/sha256:${id}a/json`,
    `/images/sha256:${id.toUpperCase()}/json`,
    `/images/SHA256:${id}/json`,
    `/images/sha512:${id}/json`,
    `/images/sha256%253A${id}/json`,
    `/images/registry.example/x@sha256:${id}/json`,
    `/images/sha256:${id}`,
    `/containers/${id}/logs?stdout=true`,
    `/containers/${id}/top`,
    `/containers/${id}/export`,
    `/containers/${id}/archive?path=/etc/shadow`,
    `/containers/${id}/attach/ws`,
    `/containers/${id}/json/`,
    // Ways round a path.
    `/networks/${id}/../../images/json`,
    `/images/sha256:${id}/../json`,
    `/images/sha256:${id}%2F..%2Fjson`,
    '/networks/../secrets',
    '//_ping',
    '/_ping/',
    '/./_ping',
    '/%5Fping',
    '/_PING',
    'http://localhost/_ping',
    // No version of the API's.
    ofPodman.replace('/v4.0.0', ''),
    ofPodman.replace('/v4.0.0', '/v5.0.0'),
    ofPodman.replace('.0.0', 'x0x0'),
    ofPodman.replace('pods', 'containers'),
    ofPodman.replace('json', 'top'),
    `${ofPodman}?x=1`,
    ofPodman.replace('aaaa', '../a'),
    `/v4.0.0/libpod/pods/${id}/json`,
    '/v4.0.0/libpod/pods/shop/json',
    '/v4.0.0/libpod/pods/json',
    '/v4.0.0/libpod/info',
    '/libpod/networks/json',
    '/v4.0.0/libpod/containers/json',
    '/v4.0.0/libpod/containers/json?all=true&size=true',
    `/v4.0.0/libpod/containers/json?${ownFilter}`,
    '/v4.0.0/libpod/networks/json?x=1',
    '/v4.0.0/libpod/networks/podman/json',
    '/v4.0.0/libpod/secrets/json',
    '/v1/_ping',
    '/v2.0/_ping',
    '/v1.x/_ping',
    '/v1.100/_ping',
    '/v1./_ping',
    '/V1.41/_ping',
    '/v1.41//_ping',
    '/v1.41/v1.41/_ping',
    '/x/v1.41/_ping',
    '/v1.41',
    '/v1x41/_ping',
  ].map((url) => ['GET', url] as const),
]

/** An acl line's name, and whether a URL is of it. */
export const rules = [
  ...readFileSync('config/haproxy-docker.cfg', 'utf8').matchAll(/^ {2}acl (\w+) +(url|url_reg) (\S+)$/gm),
].map(([, name, kind, value]) => ({
  name: name!,
  matches: (url: string) => (kind === 'url' ? url === value : new RegExp(value!).test(url)),
}))
