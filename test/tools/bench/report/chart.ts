// Pure: the figures as one SVG: bars for each workload, and two lines for the curve.
import type { Point } from '../curve.ts'
import type { Titles } from '../servers/contender.ts'
import { workloads } from '../workloads.ts'
import { find, type Summary, subject } from './summary.ts'

const columns = 2
const width = 600
/** Above the panels, for the title and what the bars mean. */
const head = 34
const bars = { left: 158, top: 48, width: 370, row: 29, thick: 11 }
const plot = { left: 50, top: 50, width: 510, height: 175 }
const colours = { berth: '#1f77b4', other: '#8c8c8c', floor: '#c8a951', void: '#d62728' }
/** A bar that is longer than so many of berth's longest is cut there. */
const longest = 4

interface Panel {
  readonly height: number
  readonly drawn: string
}

export function drawChart(summaries: readonly Summary[], points: readonly Point[], titles: Titles): string {
  const panels = workloads.flatMap(({ key, title }) => {
    const rows = summaries.filter(({ workload }) => workload === key)
    return rows.length === 0 ? [] : drawBars(title, rows, titles)
  })
  const standing = points.filter(({ fault }) => fault === undefined)
  if (standing.length > 0) panels.push(drawCurve(standing))
  const heights = Array<number>(columns).fill(head)
  // Each where there is most room.
  const cells = panels.map(({ height, drawn }) => {
    const column = heights.indexOf(Math.min(...heights))
    const cell = `<g transform="translate(${column * width} ${heights[column]})">\n${drawn}\n</g>`
    heights[column]! += height
    return cell
  })
  const size = { width: columns * width, height: Math.max(...heights) }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12">`,
    '<title>What an answer costs: CPU of berth and of other servers</title>',
    `<rect width="${size.width}" height="${size.height}" fill="#fff"/>`,
    '<text x="16" y="24" font-size="16" font-weight="bold">CPU of the server for each answer, µs</text>',
    `<rect x="386" y="14" width="22" height="10" fill="${colours.other}"/><text x="414" y="24">at saturation</text>`,
    `<rect x="516" y="14" width="22" height="10" fill="${colours.other}" opacity="0.4"/><text x="544" y="24">at 20,000 questions a second</text>`,
    ...cells,
    '</svg>',
    '',
  ].join('\n')
}

function drawBars(title: string, rows: readonly Summary[], titles: Titles): Panel {
  const servers = [...new Set(rows.map(({ server }) => server))]
  const standing = rows.filter(({ fault }) => fault === undefined)
  const ours = standing.filter(({ server }) => server === subject)
  const limit = longest * Math.max(0, ...ours.map(({ cpu }) => cpu))
  const top = Math.min(limit || Number.POSITIVE_INFINITY, Math.max(0, ...standing.map(({ cpu }) => cpu)))
  const parts = [heading(title)]
  for (const [i, server] of servers.entries()) {
    const y = bars.top + i * bars.row
    const weight = server === subject ? ' font-weight="bold"' : ''
    parts.push(
      `<text x="${bars.left - 8}" y="${y + 15}" text-anchor="end"${weight}>${quote(titles[server]!)}</text>`,
      ...(['full', 'steady'] as const).map((mode, n) => {
        const row = rows.find((each) => each.server === server && each.mode === mode)
        return row === undefined ? '' : drawBar(row, find(rows, row, server), y + n * (bars.thick + 1), top)
      }),
    )
  }
  const height = bars.top + servers.length * bars.row + 12
  return { height, drawn: parts.filter(Boolean).join('\n') }
}

/** `standing`: the row, unless it is void. */
function drawBar(row: Summary, standing: Summary | undefined, y: number, top: number): string {
  const text = (x: number, words: string, colour: string) =>
    `<text x="${x}" y="${y + 9.5}" font-size="10" fill="${colour}">${words}</text>`
  if (standing === undefined) return text(bars.left + 4, 'void', colours.void)
  const width = (Math.min(standing.cpu, top) / top) * bars.width
  const fade = row.mode === 'steady' ? ' opacity="0.4"' : ''
  const isCut = standing.cpu > top
  const cut = isCut
    ? `<path d="M${bars.left + width - 14} ${y - 1}l-4 ${bars.thick + 2}h5l4 -${bars.thick + 2}z" fill="#fff"/>`
    : ''
  const bar = `<rect x="${bars.left}" y="${y}" width="${width.toFixed(1)}" height="${bars.thick}" fill="${colourOf(row.server)}"${fade}/>`
  return `${bar}${cut}${text(bars.left + width + 5, standing.cpu.toFixed(1), '#333')}`
}

function colourOf(server: string): string {
  if (server.startsWith(subject)) return colours.berth
  return server === 'C floor' ? colours.floor : colours.other
}

/** Both ways in one plot: cost on the vertical axis, names or networks, as powers of ten, on the other. */
function drawCurve(points: readonly Point[]): Panel {
  const lines = [
    { along: 'names', server: 'unbound', colour: colours.other, dash: '' },
    { along: 'names', server: subject, colour: colours.berth, dash: '' },
    { along: 'networks', server: subject, colour: colours.berth, dash: ' stroke-dasharray="5 4"' },
  ] as const
  const top = Math.ceil(Math.max(...points.map(({ cpu }) => cpu)) * 1.1)
  const x = (count: number) => plot.left + (Math.log10(Math.max(1, count)) / 5) * plot.width
  const y = (cpu: number) => plot.top + plot.height * (1 - cpu / top)
  const parts = [heading('local A as the table grows, at saturation')]
  for (const share of [0, 0.5, 1]) {
    parts.push(
      `<path d="M${plot.left} ${y(share * top)}h${plot.width}" stroke="#ddd"/>`,
      `<text x="${plot.left - 6}" y="${y(share * top) + 4}" text-anchor="end" fill="#555">${share * top}</text>`,
    )
  }
  for (const count of [1, 10, 100, 1000, 10_000, 100_000]) {
    const at = `<text x="${x(count)}" y="${plot.top + plot.height + 16}" text-anchor="middle" fill="#555">`
    parts.push(`${at}${count.toLocaleString('en-US')}</text>`)
  }
  for (const [i, { along, server, colour, dash }] of lines.entries()) {
    const own = points.filter((point) => point.along === along && point.server === server)
    const path = own.map((point) => `${x(point[along]).toFixed(1)} ${y(point.cpu).toFixed(1)}`).join('L')
    const left = plot.left + i * 180
    const base = plot.top + plot.height + 40
    parts.push(
      path === '' ? '' : `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`,
      `<path d="M${left} ${base - 4}h24" stroke="${colour}" stroke-width="2"${dash}/>`,
      `<text x="${left + 30}" y="${base}">${server}, ${along}</text>`,
    )
  }
  return { height: plot.top + plot.height + 60, drawn: parts.filter(Boolean).join('\n') }
}

const heading = (title: string) =>
  `<text x="16" y="26" font-size="14" font-weight="bold">${quote(title)}</text>`
const quote = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
