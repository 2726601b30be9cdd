// Bounds the ids that only events have mentioned: each costs an inspect, so beyond any plausible number a full list is due.

export interface UnlistedIds {
  /** Whether to follow events of this id; `isKnown`: a list or an inspect had it. */
  admit(id: string, isKnown: boolean): boolean
  /** Whether an event has mentioned it since the last full list began. */
  has(id: string): boolean
  /** Whether there were so many that some were not admitted. */
  isFlooded(): boolean
  /** A full list begins: `isFlooded` of the time before it. */
  begin(): boolean
}

/** 10,000 containers recreated between two lists are still followed one by one. */
const mostUnlisted = 20_000

export function createUnlistedIds(most = mostUnlisted): UnlistedIds {
  /** Ids that events have mentioned since the last full list began. */
  const heard = new Set<string>()
  let unlisted = 0
  let flooded = false
  return {
    admit(id, isKnown) {
      if (heard.has(id)) return true
      if (!isKnown && unlisted >= most) {
        flooded = true
        return false
      }
      if (!isKnown) unlisted++
      heard.add(id)
      return true
    },
    has: (id) => heard.has(id),
    isFlooded: () => flooded,
    begin() {
      const was = flooded
      heard.clear()
      unlisted = 0
      flooded = false
      return was
    },
  }
}
