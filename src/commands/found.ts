// One line of the log: which engine is followed where docker.engines does not say, and how it was found.
import type { Config } from '../config/types.ts'
import type { Logger } from '../lib/log.ts'

export function tellFound({ docker: { engines, found } }: Config, log: Logger): void {
  if (found === undefined) return
  const fields = { engine: engines[0]!.address.text, how: found.text }
  if (found.isMissing) log.warn(fields, 'no engine answers; the usual places are looked at until one does')
  else log.info(fields, 'following the engine that was found')
}
