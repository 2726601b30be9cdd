// berth serve's arguments: its own, and settings by their key path.
import { describe, expect, it } from 'vitest'
import { readArguments } from '../../../src/commands/serve.ts'

describe('arguments of berth serve', () => {
  it.each([
    [[], {}],
    [['--help'], { wantsHelp: true }],
    [['-h', '--ttl=5'], { wantsHelp: true, flags: { ttl: '5' } }],
    [['--config', 'a.yml'], { file: 'a.yml' }],
    [['--config=-a.yml'], { file: '-a.yml' }],
    [['-c', 'a.yml', '--ttl=5'], { file: 'a.yml', flags: { ttl: '5' } }],
    [['--config', 'a.yml', '--config', 'b.yml'], { file: 'b.yml' }],
    [
      ['--log.level=debug', '--scope.gateway', 'host'],
      { flags: { 'log.level': 'debug', 'scope.gateway': 'host' } },
    ],
    [['--ttl', '5', '--ttl=6'], { flags: { ttl: '6' } }],
    [['--zone='], { flags: { zone: '' } }],
    [['--hosts={a.test: "192.0.2.1"}'], { flags: { hosts: '{a.test: "192.0.2.1"}' } }],
    // Whatever stands behind a setting is its value; the schema says what is wrong with it.
    [['--ttl', '-1', '--zone', 'x'], { flags: { ttl: '-1', zone: 'x' } }],
    [['--zone=--help'], { flags: { zone: '--help' } }],
    [['--limits.in-flight=1'], { flags: { 'limits.in-flight': '1' } }],
  ])('%j', (args, expected) => {
    expect(readArguments(args)).toEqual({ file: undefined, flags: {}, wantsHelp: false, ...expected })
  })

  it.each([
    [['berth.yml'], '"berth.yml" is an extra argument'],
    [['--', 'x'], '"x" is an extra argument'],
    [['--ttl=5', '6'], '"6" is an extra argument'],
    [['--ttl'], '--ttl needs a value: --ttl=VALUE'],
    [['--config'], '--config needs a value: --config=VALUE'],
    [['--config', '--ttl=5'], '--config needs a value: --config=VALUE'],
    [['--identity.id', '--config', 'a.yml'], '--identity.id needs a value: --identity.id=VALUE'],
    [['--log.queries', '-c', 'a.yml'], '--log.queries needs a value: --log.queries=VALUE'],
    [['-x'], 'there is no option -x'],
    [['\u001b[2J'], '"\\u001b[2J" is an extra argument'],
  ])('%j are refused', (args, sentence) => {
    expect(() => readArguments(args)).toThrow(
      `berth serve: ${sentence}; "berth serve --help" lists the options`,
    )
  })

  it('keep a setting of any name, for which the configuration has an error', () => {
    expect(Object.keys(readArguments(['--__proto__=x']).flags)).toEqual(['__proto__'])
  })
})
