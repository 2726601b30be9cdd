// Bounds the ids that only events have mentioned: each costs an inspect, so beyond any plausible number a full list is due.
export interface UnlistedIds {
  /** Whether the event of this id is to be followed; `isKnown`: a list or an inspect has told of it. */
  admit(id: string, isKnown: boolean): boolean
  /** Whether an event has told of it since the last full list began. */
  has(id: string): boolean
  /** Whether there were so many that some were not admitted. */
  isFlooded(): boolean
  /** A full list begins: `isFlooded` of the time before it. */
  begin(): boolean
}

/** An estate of 10,000 that starts anew between two lists is still followed one by one. */
const mostStrangers = 20_000

export function createUnlistedIds(most = mostStrangers): UnlistedIds {
  /** Ids that events told of since the last full list began. */
  const heard = new Set<string>()
  let strangers = 0
  let flooded = false
  return {
    admit(id, isKnown) {
      if (heard.has(id)) return true
      if (!isKnown && strangers >= most) {
        flooded = true
        return false
      }
      if (!isKnown) strangers++
      heard.add(id)
      return true
    },
    has: (id) => heard.has(id),
    isFlooded: () => flooded,
    begin() {
      const was = flooded
      heard.clear()
      strangers = 0
      flooded = false
      return was
    },
  }
}
