// Pure: which of a container's labels count. An image's labels grant nothing: only those that the operator set do.
import type { NamePattern } from '../../config/types.ts'
import { isWithin } from '../../dns/name.ts'
import { allowsName, isDiscoveryName, reservedDomain } from '../../registry/granting.ts'
import type { LabelSettings, UngrantedLabel } from '../../registry/types.ts'
import { longestLabel } from '../api/fields.ts'
import type { ImageRef, Labels } from '../api/types.ts'

export interface LabelRules {
  /** Canonical; names under it are Docker's and berth's alone. */
  readonly zone: string
  /** Names that labels may grant. */
  readonly allow: readonly NamePattern[]
}

/** What a container's labels ask for. */
export interface ContainerLabels {
  /** Those that may grant something, as told. */
  readonly declared: Labels
  readonly asked: LabelSettings
  /** undefined: not known, so that nothing is granted. */
  readonly image: ImageRef | undefined
}

/** Whose labels they are. It never changes: a container's labels and image are those it was created with. */
export interface LabelOwnership {
  /** The operator's, as a group: one of Compose's labels that is not the image's, and all are Compose's own. */
  readonly compose: boolean
  readonly swarm: boolean
  /** The operator's `berth.*` labels. */
  readonly berth: readonly string[]
}

export interface Granted {
  readonly labels: Labels
  readonly settings: LabelSettings
  readonly ungranted: readonly UngrantedLabel[]
}

const compose = 'com.docker.compose.'
const swarm = 'com.docker.swarm.'

/** What tables are made of; Compose alone writes ten of them on each container. */
const composeKept = ['project', 'service', 'container-number', 'oneoff'].map((name) => compose + name)
const swarmKept = [`${swarm}service.id`]

/**
 * Of a longer key nothing is granted: it is read of every container and image, or of none. api/partial-json.ts leaves out keys that
 * are far longer, but of long texts alone, and an image's may be long where its container's is not.
 */
const longestKey = 256

/** Of one container, so many labels that were not granted are told, and so much of each. */
const mostTold = 20
const longestTold = 200
/** Names of one label that are looked at; no container may have more (limits.ts). */
const mostNames = 4096

/** Labels that may grant something; Compose writes ten, of which some hold paths. "berth." sorts before theirs. */
const mostKept = 100
const longestKept = 4096

const none: Labels = {}
const nothing: readonly UngrantedLabel[] = []
/** Of a container that tells of no labels that may grant something. */
export const noneOwned: LabelOwnership = { compose: false, swarm: false, berth: [] }

/**
 * The labels of a container, or of an image, that may grant something: no more than anybody has use for, since they are
 * kept until the image is read. A container has all of its image's keys, so that none which is kept of the container
 * is left out of the image's: those that come first are the same.
 */
export function grantingLabels(labels: Labels): Labels {
  const kept: Record<string, string> = {}
  const others: string[] = []
  for (const key in labels) {
    if (labels[key]!.length > longestOf(key)) continue
    if (isRead(key)) kept[key] = labels[key]!
    else others.push(key)
  }
  const some = others.length <= mostKept ? others : others.sort().slice(0, mostKept)
  for (const key of some) kept[key] = labels[key]!
  return Object.keys(kept).length === 0 ? none : kept
}

/** Tables are made of it, so it counts however many others there are. */
const isRead = (key: string) =>
  key === 'berth.names' || key === 'berth.ttl' || composeKept.includes(key) || swarmKept.includes(key)

/** Characters; -1 where the label grants nothing. */
function longestOf(key: string): number {
  if (key.length > longestKey) return -1
  if (key === 'berth.names') return longestLabel
  return key === 'berth.ttl' || key.startsWith(compose) || key.startsWith(swarm) ? longestKept : -1
}

/** Whose the labels are; undefined until the image's labels are known, where that matters. */
export function findLabelOwnership(
  { declared }: ContainerLabels,
  image: Labels | undefined,
): LabelOwnership | undefined {
  const keys = Object.keys(declared)
  if (keys.length === 0) return noneOwned
  if (image === undefined) return undefined
  const own = keys.filter((key) => !Object.hasOwn(image, key) || image[key] !== declared[key])
  return {
    compose: own.some((key) => key.startsWith(compose)),
    swarm: own.some((key) => key.startsWith(swarm)),
    berth: own.filter((key) => key.startsWith('berth.')),
  }
}

/** What is left to keep once it is known whose labels they are. */
export function trimLabels(labels: ContainerLabels): ContainerLabels {
  const { declared } = labels
  const kept = Object.keys(declared).filter(
    (key) => key.startsWith('berth.') || composeKept.includes(key) || swarmKept.includes(key),
  )
  return { ...labels, declared: Object.fromEntries(kept.map((key) => [key, shortened(declared[key]!)])) }
}

/** `verdict` undefined: the image has not been read, and nothing is granted yet. */
export function grant(
  { declared, asked, image }: ContainerLabels,
  verdict: LabelOwnership | undefined,
  rules: LabelRules,
): Granted {
  const keys = Object.keys(declared)
  if (keys.length === 0) return { labels: none, settings: asked, ungranted: nothing }
  const { compose, swarm, berth } = verdict ?? noneOwned
  const labels: Record<string, string> = {}
  for (const key of [...(compose ? composeKept : []), ...(swarm ? swarmKept : [])]) {
    if (declared[key] !== undefined) labels[key] = declared[key]
  }
  const refused: UngrantedLabel[] = []
  const isGranted = (name: string, isWildcard: boolean) => {
    const why = whyRefused(name, isWildcard, rules)
    if (why !== undefined) refused.push({ label: 'berth.names', value: isWildcard ? `*.${name}` : name, why })
    return why === undefined
  }
  const hasNames = berth.includes('berth.names')
  const settings: LabelSettings = {
    names: hasNames ? asked.names.slice(0, mostNames).filter((name) => isGranted(name, false)) : [],
    wildcards: hasNames ? asked.wildcards.slice(0, mostNames).filter((name) => isGranted(name, true)) : [],
    ignored: asked.ignored,
    ttl: berth.includes('berth.ttl') ? asked.ttl : undefined,
  }
  const why = whyUnjudged(verdict, image)
  for (const key of keys) {
    const isGranted = key.startsWith('berth.')
      ? berth.includes(key)
      : key.startsWith('com.docker.compose.')
        ? compose
        : swarm
    if (!isGranted) refused.push({ label: key.slice(0, longestTold), value: declared[key]!, why })
  }
  const ungranted = refused.slice(0, mostTold).map((each) => ({ ...each, value: shortened(each.value) }))
  return { labels, settings, ungranted: refused.length === 0 ? nothing : ungranted }
}

function shortened(value: string): string {
  return value.length > longestTold ? `${value.slice(0, longestTold)}…` : value
}

function whyUnjudged(verdict: LabelOwnership | undefined, image: ImageRef | undefined): string {
  if (verdict !== undefined) return 'the image defines this label itself'
  return image === undefined
    ? 'the engine does not report the image, which may define this label'
    : 'the image has not been read yet, and may define this label'
}

function whyRefused(name: string, isWildcard: boolean, { zone, allow }: LabelRules): string | undefined {
  if (isWithin(name, zone)) return `names under the zone ${zone} are not a label's to give`
  const of = reservedDomain(name)
  if (of !== undefined) return `${of} and the names below it are not a label's to give`
  if (isDiscoveryName(name)) return 'programs look this name up to find a proxy or a tunnel'
  if (!allow.some((pattern) => allowsName(pattern, name, isWildcard)))
    return 'labels.allow does not include it'
  return undefined
}
