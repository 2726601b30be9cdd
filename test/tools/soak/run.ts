// `npm run soak`: containers that come and go, against a real engine; `npm run soak -- --abuse`: attacks.
//
//   npm run soak -- [--engine 28|26.1|20.10|podman] [--seed N] [--seconds N] [--containers N] [--trouble none|kill|proxy]
//   npm run soak -- --abuse [--seed N] [--seconds N] [--each N] [--only NAME]
import { parseArgs } from 'node:util'
import { abuse } from './abuse/abuse.ts'
import { besideEngine } from './beside.ts'
import { soak, type Trouble } from './soak.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: '26.1' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    seconds: { type: 'string', default: '120' },
    containers: { type: 'string', default: '300' },
    trouble: { type: 'string', default: 'none' },
    abuse: { type: 'boolean', default: false },
    /** Seconds for one attack. */
    each: { type: 'string', default: '5' },
    only: { type: 'string', multiple: true, default: [] },
  },
})
if (values.abuse) {
  const amiss = await abuse({
    ...{ seed: Number(values.seed), seconds: Number(values.seconds), each: Number(values.each) },
    ...{ most: null, only: values.only, log: console.log },
  })
  for (const sentence of amiss) console.log(`AMISS: ${sentence}`)
  console.log(`amiss: ${amiss.length}`)
  process.exit(amiss.length > 0 ? 1 : 0)
}
await besideEngine(values.engine)
const options = {
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  containers: Number(values.containers),
  trouble: values.trouble as Trouble,
}
console.log(
  `soak: seed ${options.seed}, ${options.seconds} s, ${options.containers} containers, trouble: ${options.trouble}`,
)
const result = await soak({ ...options, port: 1053, log: (line) => console.log(`  ${line}`) })
const { questions, perSecond, judged, binding, events, actions, violations, wrongAtTheEnd, metrics } = result
console.log(
  `actions: ${Object.entries(actions)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')}`,
)
console.log(
  `events: ${events}; questions: ${questions}, ${perSecond} a second; judged: ${judged}, ${binding} of them of a name that was there`,
)
for (const name of ['resync_drift', 'late_names', 'reconnects', 'errors']) {
  for (const [line] of metrics.matchAll(new RegExp(`^berth_docker_${name}_total.*$`, 'gm'))) console.log(line)
}
console.log(`wrong answers: ${violations.length}`)
for (const violation of violations.slice(0, 20)) console.log(`  ${violation}`)
console.log(`names that are not the engine's at the end: ${wrongAtTheEnd.length}`)
for (const name of wrongAtTheEnd.slice(0, 20)) console.log(`  ${name}`)
process.exitCode = violations.length + wrongAtTheEnd.length > 0 ? 1 : 0
