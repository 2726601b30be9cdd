// How many questions may be under way upstream at once: in all, and for one asker.

export interface ClaimLimits {
  readonly total: number
  readonly perAsker: number
}

/** Docker's resolver has 1024 under way at most; one asker must not take all that there is. */
const defaultLimits: ClaimLimits = { total: 4096, perAsker: 1024 }

/** A place for one more question of this asker; undefined where there is none. Given back by calling it. */
export function createClaims(limits = defaultLimits): (asker: string) => (() => void) | undefined {
  const held = new Map<string, number>()
  let total = 0
  return (asker) => {
    const own = held.get(asker) ?? 0
    if (total >= limits.total || own >= limits.perAsker) return undefined
    total++
    held.set(asker, own + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      total--
      const left = held.get(asker)! - 1
      if (left === 0) held.delete(asker)
      else held.set(asker, left)
    }
  }
}
