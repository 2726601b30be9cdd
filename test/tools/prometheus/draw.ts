// Draws a dashboard's panels as one SVG: a grid of small line charts on a common time axis. Pure.

export interface Chart {
  readonly title: string
  readonly description: string
  /** Grafana's word for what is on the vertical axis: reqps, s, bytes, percentunit, short. */
  readonly unit: string
  readonly lines: readonly {
    readonly name: string
    readonly points: readonly (readonly [number, number])[]
  }[]
}

const columns = 3
const cell = { width: 400, height: 216 }
const plot = { left: 56, top: 34, width: 330, height: 122 }
const colours = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf', '#8c564b', '#7f7f7f']

export function draw(charts: readonly Chart[]): string {
  const rows = Math.ceil(charts.length / columns)
  const size = { width: columns * cell.width, height: rows * cell.height }
  const cells = charts.map((chart, i) => {
    const [x, y] = [(i % columns) * cell.width, Math.floor(i / columns) * cell.height]
    return `<g transform="translate(${x} ${y})">\n${drawChart(chart)}\n</g>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="11">`,
    '<title>Every panel of the dashboard, with the data of a real Prometheus</title>',
    `<rect width="${size.width}" height="${size.height}" fill="#fff"/>`,
    ...cells,
    '</svg>',
    '',
  ].join('\n')
}

function drawChart({ title, description, unit, lines }: Chart): string {
  const all = lines.flatMap(({ points }) => points)
  const from = Math.min(...all.map(([at]) => at))
  const seconds = Math.max(1, Math.max(...all.map(([at]) => at)) - from)
  const top = niceTop(Math.max(...all.map(([, value]) => value)))
  const x = (at: number) => plot.left + ((at - from) / seconds) * plot.width
  const y = (value: number) => plot.top + plot.height - (Math.max(0, value) / top) * plot.height
  const parts = [`<title>${quote(description)}</title>`]
  parts.push(`<text x="8" y="20" font-size="13" font-weight="bold">${quote(title)}</text>`)
  for (const share of [0, 0.5, 1]) {
    const at = y(share * top).toFixed(1)
    parts.push(
      `<path d="M${plot.left} ${at}h${plot.width}" stroke="#ddd"/>`,
      `<text x="${plot.left - 6}" y="${Number(at) + 4}" text-anchor="end" fill="#555">${label(share * top, unit)}</text>`,
    )
  }
  const bottom = plot.top + plot.height + 14
  parts.push(`<text x="${plot.left}" y="${bottom}" fill="#555">0 s</text>`)
  parts.push(
    `<text x="${plot.left + plot.width}" y="${bottom}" text-anchor="end" fill="#555">${Math.round(seconds)} s</text>`,
  )
  for (const [i, { points }] of lines.entries()) {
    const path = points.map(([at, value]) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join('L')
    parts.push(`<path d="M${path}" fill="none" stroke="${colours[i % colours.length]}" stroke-width="1.5"/>`)
  }
  parts.push(legend(lines.map(({ name }) => name)))
  return parts.join('\n')
}

/** As many names as there is room for, in two rows. */
function legend(names: readonly string[]): string {
  const parts: string[] = []
  let left = 8
  let row = 0
  for (const [i, name] of names.entries()) {
    const width = 24 + name.length * 6.6
    if (left + width > cell.width) {
      if (++row > 1) break
      left = 8
    }
    const base = plot.top + plot.height + 30 + row * 15
    parts.push(
      `<rect x="${left}" y="${base - 8}" width="9" height="9" fill="${colours[i % colours.length]}"/>`,
    )
    parts.push(`<text x="${left + 13}" y="${base}">${quote(name)}</text>`)
    left += width
  }
  return parts.join('\n')
}

/** The next of 1, 2 or 5 times a power of ten. */
function niceTop(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= value * 0.999)!
}

function label(value: number, unit: string): string {
  if (value === 0) return '0'
  if (unit === 's' && value < 1) return `${round(value * 1000)} ms`
  if (unit === 'bytes') return `${round(value / 1e6)} MB`
  if (unit === 'percentunit') return `${round(value * 100)} %`
  return `${round(value)}${unit === 'reqps' ? '/s' : unit === 's' ? ' s' : ''}`
}

const round = (value: number) => Number(value.toPrecision(3))
const quote = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
