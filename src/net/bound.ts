// Which addresses are bound now: the listeners write it; forwarding reads it, so that it never asks ourselves.
import { canonicalAddress } from '../lib/ip.ts'
import type { Bindable } from './listener.ts'

export interface BoundAddresses {
  /** In the order they were bound. */
  all(): readonly Bindable[]
  ports(): ReadonlySet<number>
  /** Whether a question to this canonical address and port comes to us. Makes no system call: forwarding asks for each question. */
  isOurs(host: string, port: number): boolean
}

/** `set` and `delete` take a key of the caller's. */
export interface BoundAddressTable extends BoundAddresses {
  set(key: string, at: Bindable): void
  delete(key: string): void
}

export function createBoundAddresses(): BoundAddressTable {
  const bound = new Map<string, { readonly at: Bindable; readonly canonical: string | undefined }>()
  const all = () => [...bound.values()].map(({ at }) => at)
  return {
    all,
    ports: () => new Set(all().map(({ port }) => port)),
    isOurs(host, port) {
      const any = host === '0.0.0.0' || host === '::'
      for (const { at, canonical } of bound.values()) {
        if (at.port === port && (any || canonical === host)) return true
      }
      return false
    },
    set: (key, at) => void bound.set(key, { at, canonical: canonicalAddress(at.host) }),
    delete: (key) => void bound.delete(key),
  }
}
