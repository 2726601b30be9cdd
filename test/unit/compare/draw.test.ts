// Estates at random: the same for a seed, of all kinds over many, and of what an engine has.
import { describe, expect, it } from 'vitest'
import { type Abilities, allKinds, drawEstate } from '../../engine/compare/draw.ts'

const engines: [name: string, abilities: Abilities][] = [
  ['28', { severalAtRun: true, today: true }],
  ['26.1', { severalAtRun: true, today: false }],
  ['20.10', { severalAtRun: false, today: false }],
]
const seeds = Array.from({ length: 60 }, (_, i) => i + 1)

describe.each(engines)('for Docker %s', (_name, abilities) => {
  const drawn = seeds.map((seed) => drawEstate(seed, abilities, 'image'))
  const commands = drawn.map(({ making, starting, living }) =>
    [...making, ...starting.flat(), ...living].map((words) => words.join(' ')),
  )
  const all = commands.flat().join('\n')

  it('are the same for a seed, and others for another', () => {
    for (const [i, seed] of seeds.entries()) {
      expect(drawEstate(seed, abilities, 'image')).toEqual(drawn[i])
    }
    expect(new Set(commands.map((each) => each.join('\n'))).size).toBe(seeds.length)
  })

  it('have each kind of network sometime, no kind twice', () => {
    for (const { networks } of drawn) expect(new Set(networks.values()).size).toBe(networks.size)
    const kinds = new Set(drawn.flatMap(({ networks }) => [...networks.values()]))
    expect([...kinds].sort()).toEqual([...allKinds(abilities)].sort())
  })

  it('have each thing that may happen to a container', () => {
    for (const command of ['network connect', 'network disconnect', 'rename', 'restart', 'stop', 'pause']) {
      expect(all).toContain(`${command} `)
    }
    expect(all).toMatch(/--network container:/)
    expect(all).toMatch(/mac-address/)
  })

  it('use nothing that it lacks', () => {
    expect(/gw-priority|--ipv4=false|gateway_mode/.test(all)).toBe(abilities.today)
    expect(/(--network \S+ ){2}/.test(all)).toBe(abilities.severalAtRun)
    if (abilities.today) for (const way of ['gw-priority=', '--gw-priority ']) expect(all).toContain(way)
  })
})
