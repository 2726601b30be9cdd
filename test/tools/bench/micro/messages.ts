// Bytes: gate, reading a question, writing and relaying replies.
import { bench, do_not_optimize, group } from 'mitata'
import { readEdns } from '../../../../src/dns/edns.ts'
import { gate, rcode } from '../../../../src/dns/header.ts'
import { readQuestion } from '../../../../src/dns/name.ts'
import { form, type PlainQuestion, readPlain } from '../../../../src/dns/plain.ts'
import { readReply, relayReply } from '../../../../src/dns/relay.ts'
import { ageReply } from '../../../../src/dns/ttl.ts'
import { addressRecord, soaRecord, writeReply } from '../../../../src/dns/writer.ts'
import { honestReply } from '../../../wire/world.ts'
import { estateOf, inTurn, queriesOf } from './world.ts'

export function benchMessages(): void {
  const messages = queriesOf(estateOf(1000)).map(({ message }) => message)
  const read = messages.map((message) => {
    const question = readQuestion(message)!
    const edns = readEdns(message, question.end)
    return { message, question, edns: edns === 'none' ? undefined : edns! }
  })

  group('messages', () => {
    bench('gate', function* () {
      const next = inTurn(messages)
      yield () => do_not_optimize(gate(next()))
    })

    bench('question, for fast answers', function* () {
      const next = inTurn(messages)
      const into: PlainQuestion = { end: 0, hash: 0, form: form.bare, limit: 0 }
      yield () => {
        const message = next()
        do_not_optimize(readPlain(message, 0, message.length, 7, into))
        do_not_optimize(into.hash)
      }
    })

    bench('question and EDNS, whole', function* () {
      const next = inTurn(messages)
      yield () => {
        const message = next()
        const question = readQuestion(message)!
        do_not_optimize(question)
        do_not_optimize(readEdns(message, question.end))
      }
    })

    bench('reply written, $addresses addresses', function* (state: { get(name: string): number }) {
      const next = inTurn(read)
      const answers = Array.from({ length: state.get('addresses') }, (_, i) =>
        addressRecord(`10.0.0.${i}`, 0),
      )
      yield () => {
        const { message, question, edns } = next()
        do_not_optimize(writeReply(message, question, edns, { rcode: rcode.NOERROR, answers }, 1232))
      }
    }).args('addresses', [1, 8])

    bench('NXDOMAIN with SOA written', function* () {
      const next = inTurn(read)
      yield () => {
        const { message, question, edns } = next()
        const authority = [soaRecord('docker.internal', 'ns.docker.internal', 1, 5)]
        do_not_optimize(writeReply(message, question, edns, { rcode: rcode.NXDOMAIN, authority }, 1232))
      }
    })

    bench('kept reply aged and relayed', function* () {
      const next = inTurn(
        read.map((each) => ({ ...each, reply: readReply(honestReply(each.message), each.question)! })),
      )
      yield () => {
        const { message, question, edns, reply } = next()
        do_not_optimize(relayReply(message, question, edns, ageReply(reply, 1), 1232))
      }
    })
  })
}
