// Orders containers' starts by their engine's clock, which may be set back.

/** Docker's and Podman's times: RFC 3339 with up to nine digits behind the point. */
const time = /^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/

/** Nanoseconds since 1970; undefined where it is no time, or the zero one of what was never started. */
export function parseStartTime(text: string | undefined): bigint | undefined {
  const [, seconds, fraction = '', zone] = time.exec(text ?? '') ?? []
  if (seconds === undefined) return undefined
  const ms = Date.parse(`${seconds}${zone}`.toUpperCase().replace(' ', 'T'))
  if (!(ms > 0)) return undefined
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}

/** A start as the engine told it, and where it stands among the others. */
export interface StartTime {
  /** 'later': it was started again, as a list's row shows; when, only its inspect will tell. */
  readonly reported: bigint | 'later' | undefined
  /** Later ones are greater, nanoseconds; the time told, unless the clock was set back meanwhile. */
  readonly order: bigint | undefined
  /** The same of the last start whose time was told. */
  readonly last: bigint | undefined
}

/** Of a reading that tells no time; `follow` makes it the one before. */
export const unknownStart: StartTime = { reported: undefined, order: undefined, last: undefined }
/** Until its time is told it is later than all that are known. */
export const restarted: StartTime = { reported: 'later', order: undefined, last: undefined }

export function startTimeOf(reported: bigint | undefined): StartTime {
  return reported === undefined ? unknownStart : { reported, order: reported, last: reported }
}

export interface StartOrder {
  /** `before`: the same container's when it was read last. `now`: the engine's clock, ms, where that is known. */
  follow(start: StartTime, before: StartTime | undefined, now?: number): StartTime
}

/** The engine's clock and ours differ by less where they are the same, ns. */
const slack = 5_000_000_000n
/** A start is read this soon after it, ns. */
const fresh = 60_000_000_000n

export function createStartOrder(): StartOrder {
  let latest = 0n
  /** By how much starts are told too early. */
  let behind = 0n
  return {
    follow(start, before, nowMs) {
      const { reported } = start
      if (reported === undefined) return before ?? start
      if (before?.reported === reported) return before
      const last = before?.last
      if (reported === 'later') return { reported, order: ++latest, last }
      if (nowMs !== undefined) {
        const now = BigInt(Math.trunc(nowMs)) * 1_000_000n
        // By a clock that has been set back since: before or after which others, nobody knows.
        if (reported > now + slack) return { reported, order: undefined, last: undefined }
        // Nothing that is known was started later than now, so that it has been; and what is new has been since.
        if (latest > now + behind + slack)
          behind = now - reported < fresh ? latest - reported + 1n : latest - now
      }
      // A container's next start is later than its last one, whatever the clock says.
      if (last !== undefined && last !== reported + behind && reported + behind <= last)
        behind = latest - reported + 1n
      const order = reported + behind
      if (order > latest) latest = order
      return order === start.order ? start : { reported, order, last: order }
    },
  }
}
