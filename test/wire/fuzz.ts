// `npm run fuzz -- --seed 1 --seconds 300 --side both`: the mutation fuzzer, as long as one likes.
import { constants, setPriority } from 'node:os'
import { parseArgs } from 'node:util'
import { describeReport, type FuzzSide, fuzz } from './fuzzer.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    seconds: { type: 'string', default: '60' },
    side: { type: 'string', default: 'both' },
    least: { type: 'string', default: '0' },
  },
})
const seed = Number(values.seed)
const seconds = Number(values.seconds)
const least = Number(values.least)
const sides = { questions: ['questions'], replies: ['replies'], both: ['questions', 'replies'] }[values.side]
if (!Number.isSafeInteger(seed) || !(seconds > 0) || !(least >= 0) || sides === undefined) {
  console.error(
    'fuzz: --seed NUMBER --seconds NUMBER --least PACKETS, for each side, --side questions|replies|both',
  )
  process.exit(2)
}
// Others on this machine go first.
setPriority(constants.priority.PRIORITY_LOW)
console.log(`seed ${seed}, ${seconds} s a side`)
try {
  for (const side of sides as FuzzSide[])
    console.log(describeReport(side, await fuzz({ side, seed, seconds, least })))
} catch (error) {
  console.error((error as Error).message)
  process.exit(1)
}
