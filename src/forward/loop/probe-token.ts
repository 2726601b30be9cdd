// Tokens of loop probes: 16 bytes, half of them random and half their MAC, so that every process with the key knows its
// own and the others' at sight, and nobody else can make one.
import { createHmac } from 'node:crypto'

export interface Tokens {
  /** 32 hexadecimal digits. */
  make(): string
  isOurs(token: string): boolean
}

export interface TokensOptions {
  /** 16 random bytes. */
  readonly key: Uint8Array
  readonly randomBytes: (count: number) => Uint8Array
}

export function createTokens({ key, randomBytes }: TokensOptions): Tokens {
  const macOf = (half: string) => createHmac('sha256', key).update(half, 'hex').digest('hex').slice(0, 16)
  return {
    make() {
      const half = Buffer.from(randomBytes(8)).toString('hex')
      return half + macOf(half)
    },
    // How long the comparison takes tells nothing of use: each token has a MAC of its own.
    isOurs: (token) => /^[0-9a-f]{32}$/.test(token) && macOf(token.slice(0, 16)) === token.slice(16),
  }
}
