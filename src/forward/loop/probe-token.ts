// Tokens of probes for loops: 16 bytes, half of them random and half their SipHash under a key, so that each process
// which has the key knows its own and others' at sight, and nobody else can make one.
import { sipHash24 } from '../../dns/siphash.ts'

export interface Tokens {
  /** 32 hexadecimal digits. */
  make(): string
  isOurs(token: string): boolean
}

export interface TokensOptions {
  /** 16 bytes that nobody can guess. */
  readonly key: Uint8Array
  readonly randomBytes: (count: number) => Uint8Array
}

export function createTokens({ key, randomBytes }: TokensOptions): Tokens {
  const hashOf = (half: string) => Buffer.from(sipHash24(key, Buffer.from(half, 'hex'))).toString('hex')
  return {
    make() {
      const half = Buffer.from(randomBytes(8)).toString('hex')
      return half + hashOf(half)
    },
    // A guess of 64 bits that is told to be wrong by how long it takes is still one of 2⁶⁴ for each token.
    isOurs: (token) => /^[0-9a-f]{32}$/.test(token) && hashOf(token.slice(0, 16)) === token.slice(16),
  }
}
