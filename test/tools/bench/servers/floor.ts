// The floor: C, recvmmsg and sendmmsg, one fixed answer. Also the upstream of those that forward.
import { spawn } from 'node:child_process'
import { serverFolder, startServer } from '../../servers/process.ts'
import type { Native } from '../native/build.ts'
import { type Place, pin } from '../place.ts'
import { fixedAnswers } from '../world/judge.ts'
import { askedAtOne, type Contender } from './contender.ts'

const port = 53

export const floor: Contender = {
  name: 'C floor',
  async start(scene) {
    const { place, native } = scene
    const server = await startServer({
      program: native.floor,
      args: [place.address, String(port), '0'],
      host: place.address,
      port,
      folder: serverFolder('floor'),
    })
    pin(server.pid, place.cores.server)
    return { ...askedAtOne(scene, port), answers: fixedAnswers, pid: server.pid, stop: server.stop }
  },
}

/** Answers any name, for an hour; on the askers' side, on their processor. Gives what ends it. */
export function startUpstream({ asking, upstream }: Place, native: Native): () => void {
  const words = [...asking, native.floor, upstream, String(port), '3600']
  const child = spawn(words[0]!, words.slice(1), { stdio: 'inherit' })
  return () => void child.kill()
}
