// When berth's answer is as good as that of Podman's resolver, aardvark-dns, or better. No name is looked at. What no rule
// matches is different.
import { isAddress, isDenial, judgeBy, type Pair, type Rule, type Verdict } from './rules.ts'

const only = (records: readonly string[], type: string) =>
  records.every((record) => record.startsWith(`${type} `))

const rules: readonly Rule[] = [
  {
    why: 'aardvark-dns adds up the addresses of all networks that have the name; berth has those of the first, as Docker does: no container of another network takes a part of a name’s connections',
    holds: ({ type, docker, berth }) =>
      isAddress(type) &&
      docker.rcode === 'NOERROR' &&
      berth.rcode === 'NOERROR' &&
      berth.records.length > 0 &&
      berth.records.every((record) => docker.records.includes(record)),
  },
  {
    why: 'aardvark-dns has all names of an address, without its network; berth has the one that leads back to it, as Docker does',
    holds: ({ type, docker, berth }) =>
      type === 'PTR' &&
      berth.records.length === 1 &&
      docker.records.some((record) => berth.records[0]!.toLowerCase().startsWith(`${record}.`.toLowerCase())),
  },
  {
    why: 'aardvark-dns finds no such address; berth has it',
    holds: ({ type, docker, berth }) =>
      isAddress(type) &&
      docker.records.length === 0 &&
      berth.rcode === 'NOERROR' &&
      berth.records.length > 0 &&
      only(berth.records, type),
  },
  {
    why: 'aardvark-dns finds no such service or name of an address; berth has it',
    holds: ({ type, docker, berth }) =>
      (type === 'SRV' || type === 'PTR') &&
      docker.records.length === 0 &&
      berth.rcode === 'NOERROR' &&
      berth.records.length > 0 &&
      only(berth.records, type),
  },
  {
    why: 'aardvark-dns asks its upstream for a type that it lacks, or denies the whole name; berth says that only the type is missing',
    holds: ({ docker, berth }) =>
      docker.rcode === 'NXDOMAIN' &&
      docker.records.length === 0 &&
      berth.rcode === 'NOERROR' &&
      isDenial(berth),
  },
]

export const judge = (pair: Pair): Verdict => judgeBy(rules, pair)
