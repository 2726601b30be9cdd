// In which form each upstream is asked: with what berth adds to every question, EDNS and AD, or in the plain one of
// RFC 1035. Learned from answers alone: where the plain form got one and the whole form did not. What was learned is
// tried again in the background, at once and then from time to time, so that no question pays for it, a lost packet
// teaches nothing that lasts, and a server that was mended gets EDNS again.
import type { Upstream } from '../config/types.ts'
import { rcode, rcodeName } from '../dns/header.ts'
import { type Form, hasOpt, isPlain, plainForm, readReply, replyCode, wholeForm } from '../dns/relay.ts'
import type { Transport } from '../dns/writer.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/log.ts'
import { askOnce, encodeCheck, rootQuestion } from './ask-once.ts'
import type { AttemptResult, Cancel, Carrier } from './attempt.ts'
import type { ForwardMetrics } from './forward-metrics.ts'

export interface EdnsStatusesOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly counters: Pick<ForwardMetrics, 'plain'>
  readonly carriers: Readonly<Record<Transport, Carrier>>
  /** What the configuration leaves out of questions to certain servers, by their texts. */
  readonly configured: () => ReadonlyMap<string, Form>
  /** How metrics name it. */
  readonly label: (upstream: Upstream) => string
}

/** What the whole form got where the plain one got an answer: silence, a closed connection, ICMP, no DNS, an rcode. */
export type Objection = 'silence' | 'closed' | 'rejected' | 'malformed' | number

/** What is known of one server. */
export interface EdnsStatus {
  /** Of the next question to it. */
  formFor(transport: Transport): Form
  /** It has lately taken the whole form: silence is more likely a lost packet, an error more likely its own. */
  isProven(transport: Transport, now?: number): boolean
  /** That it does not take the whole form is learned from answers alone so far, no probe has shown it. */
  isGuess(): boolean
  /** It took a question in the whole form. */
  proved(transport: Transport, now?: number): void
  /** It took a question in the plain form after this in the whole one. */
  objected(transport: Transport, objection: Objection): void
}

export interface EdnsStatuses {
  of(upstream: Upstream): EdnsStatus
  stop(): void
}

/** Codes of servers that do not know EDNS, our version of it, or AD (RFC 6891, 6.1.3 and 7). */
export const unread = new Set<number>([rcode.FORMERR, rcode.NOTIMP, rcode.BADVERS])
/** Codes that may mean the same, of a server that has not shown otherwise (RFC 2671, 5.3). */
export const doubtful = new Set<number>([...unread, rcode.SERVFAIL])

/** For how long a server that took the whole form is taken to do so, ms. */
const provenFor = 600_000
/** Between probes of a server that is asked in the plain form: the first pause, and the longest, ms. */
const firstPause = 10_000
const longestPause = 600_000
/** Servers that are remembered: resolv.conf may change for ever. */
const remembered = 1024
/** Packets of the probe that is to show that a server drops the whole form: where half get lost, all do 1 time in 256. */
const probeCopies = 8

/** What a server has taught of a transport. */
interface Lesson {
  readonly objection: Objection
  /** Questions go by it: by a probe that failed, or where nothing spoke against it from the start. */
  holds: boolean
  /** A probe has failed: said in the log and in metrics. */
  sure: boolean
  pause: number
  probeAt: number
  /** Ends the probe that is under way. */
  cancel: Cancel | undefined
}

export function createEdnsStatuses(options: EdnsStatusesOptions): EdnsStatuses {
  const { clock, log, counters, carriers, label } = options
  const servers = new Map<string, Server>()
  let configured = options.configured()

  class Server implements EdnsStatus {
    base: Form
    private readonly upstream: Upstream
    private readonly provenAt = { udp: Number.NEGATIVE_INFINITY, tcp: Number.NEGATIVE_INFINITY }
    private readonly lessons: Record<Transport, Lesson | undefined> = { udp: undefined, tcp: undefined }

    constructor(upstream: Upstream) {
      this.upstream = upstream
      this.base = configured.get(upstream.text) ?? wholeForm
    }

    formFor(transport: Transport): Form {
      const { udp, tcp } = this.lessons
      if (udp === undefined && tcp === undefined) return this.base
      const lesson = udp?.holds === true || transport === 'udp' ? udp : tcp
      if (lesson?.holds !== true) return this.base
      if (lesson.cancel === undefined && clock.monotonic() >= lesson.probeAt) {
        this.probe(lesson === udp ? 'udp' : 'tcp', lesson)
      }
      return plainForm
    }

    isProven(transport: Transport, now = clock.monotonic()): boolean {
      return now - this.provenAt[transport] < provenFor
    }

    isGuess(): boolean {
      const { udp, tcp } = this.lessons
      return udp?.sure === false || tcp?.sure === false
    }

    proved(transport: Transport, now = clock.monotonic()): void {
      this.provenAt[transport] = now
    }

    objected(transport: Transport, objection: Objection): void {
      if (this.lessons[transport] !== undefined || isPlain(this.base)) return
      const lesson: Lesson = {
        ...{ objection, holds: !this.isProven(transport), sure: false, pause: firstPause, probeAt: 0 },
        cancel: undefined,
      }
      this.lessons[transport] = lesson
      this.probe(transport, lesson)
    }

    private probe(transport: Transport, lesson: Lesson): void {
      const mayBeLost = transport === 'udp' && lesson.objection === 'silence' && !lesson.sure
      const attempt = {
        upstream: this.upstream,
        ...encodeCheck(this.base),
        done: (result: AttemptResult) => {
          lesson.cancel = undefined
          if (takesWhole(result, lesson.objection)) this.forget(transport, lesson)
          else this.confirm(transport, lesson, 'error' in result && result.blame !== 'upstream')
        },
      }
      lesson.cancel = askOnce(clock, carriers[transport], attempt, mayBeLost ? probeCopies : 1)
    }

    private confirm(transport: Transport, lesson: Lesson, isUnsaid: boolean): void {
      lesson.probeAt = clock.monotonic() + lesson.pause
      if (isUnsaid) {
        if (!lesson.holds) this.lessons[transport] = undefined
        return
      }
      lesson.pause = Math.min(longestPause, lesson.pause * 2)
      lesson.holds = true
      if (lesson.sure) return
      lesson.sure = true
      counters.plain.cell(label(this.upstream)).value = 1
      log.warn(
        { upstream: label(this.upstream), transport, why: describe(lesson.objection) },
        'an upstream does not answer questions with EDNS and AD; it is asked without them, and tried again from time to time',
      )
    }

    private forget(transport: Transport, lesson: Lesson): void {
      this.lessons[transport] = undefined
      this.proved(transport)
      if (!lesson.sure) return
      this.showWhole()
      log.info(
        { upstream: label(this.upstream), transport },
        'an upstream answers questions with EDNS and AD again',
      )
    }

    private showWhole(): void {
      const { udp, tcp } = this.lessons
      if (udp?.sure !== true && tcp?.sure !== true) counters.plain.cell(label(this.upstream)).value = 0
    }

    /** What was learned of it is over. */
    end(): void {
      const wasSure = this.lessons.udp?.sure === true || this.lessons.tcp?.sure === true
      for (const transport of ['udp', 'tcp'] as const) {
        const lesson = this.lessons[transport]
        lesson?.cancel?.()
        this.lessons[transport] = undefined
      }
      if (wasSure) this.showWhole()
    }
  }

  /** What the configuration says now; a server for which that is something else starts anew. */
  function follow(): void {
    configured = options.configured()
    for (const [text, server] of servers) {
      const base = configured.get(text) ?? wholeForm
      if (base.edns !== server.base.edns || base.ad !== server.base.ad) server.end()
      server.base = base
    }
  }

  return {
    of(upstream) {
      if (options.configured() !== configured) follow()
      let server = servers.get(upstream.text)
      if (server === undefined) {
        if (servers.size >= remembered) {
          const [oldest] = servers.keys()
          servers.get(oldest!)!.end()
          servers.delete(oldest!)
        }
        server = new Server(upstream)
        servers.set(upstream.text, server)
      }
      return server
    },
    stop() {
      for (const server of servers.values()) server.end()
    },
  }
}

/**
 * Whether a server that showed such a objection has taken a probe in the whole form. Any reply breaks silence. Where it
 * gave an error, another error counts where an OPT shows that it has read ours: it may refuse to tell who the root is.
 */
function takesWhole(result: AttemptResult, objection: Objection): boolean {
  if ('error' in result) return false
  const reply = readReply(result.reply, rootQuestion)
  if (reply === undefined) return false
  const code = replyCode(reply)
  if (code === rcode.NOERROR || code === rcode.NXDOMAIN) return true
  if (unread.has(code)) return false
  return typeof objection === 'string' || (hasOpt(reply) && !doubtful.has(code))
}

function describe(objection: Objection): string {
  if (typeof objection === 'number') return rcodeName(objection)
  return {
    silence: 'no reply',
    closed: 'the connection is closed',
    rejected: 'rejected on the way (ICMP)',
    malformed: 'malformed reply',
  }[objection]
}
