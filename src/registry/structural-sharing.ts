// Reuses equal objects, so that caches keyed by identity stay valid while content is unchanged.
import { isSame } from '../lib/deep-equal.ts'
import type { Container, Endpoint } from './types.ts'

/** `fresh`, but `before` itself where they are equal, and those of its fields that are. */
export function reuse<T extends object>(fresh: T, before: T | undefined): T {
  if (before === undefined || isSame(fresh, before)) return before ?? fresh
  const shared = { ...fresh }
  for (const key of Object.keys(fresh) as (keyof T)[]) {
    if (isSame(fresh[key], before[key])) shared[key] = before[key]
  }
  return shared
}

/** The same, down to its endpoints. */
export function reuseContainer(fresh: Container, before: Container | undefined): Container {
  const container = reuse(fresh, before)
  if (before === undefined || container.endpoints === before.endpoints) return container
  const endpoints = container.endpoints.map((endpoint) => {
    return before.endpoints.find((old): old is Endpoint => isSame(old, endpoint)) ?? endpoint
  })
  return { ...container, endpoints }
}
