// Pure: typed reads of what an engine sends: a field of the wrong type is reported, and counts as absent.

/** Called with the name of each field that has the wrong type. */
export type ReportInvalid = (field: string) => void

export type Fields = Readonly<Record<string, unknown>>

/** No name, address, state or time that an engine tells is longer. */
export const longestText = 1024
/** A label of ours that is longer is not read, from a row not even held. */
export const longestLabel = 64 * 1024

/** Into URLs and logs go ids that may be ids: an engine's are hexadecimal, a Swarm's letters and digits. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[a-zA-Z0-9][\w.-]{0,127}$/.test(value)
}

export function without(field: string, wrong: ReportInvalid): undefined {
  wrong(field)
}

/** The entries that are texts; not copied where all are. */
export function textMap(
  value: unknown,
  field: string,
  wrong: ReportInvalid,
): Record<string, string> | undefined {
  const told = object(value, field, wrong)
  if (told === undefined) return undefined
  for (const key in told) if (typeof told[key] !== 'string') return textsOf(told, field, wrong)
  return told as Record<string, string>
}

function textsOf(told: Fields, field: string, wrong: ReportInvalid): Record<string, string> {
  wrong(field)
  const entries = Object.entries(told).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Object.fromEntries(entries)
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= longestText
}

export function object(value: unknown, field: string, wrong: ReportInvalid): Fields | undefined {
  if (value === undefined || value === null) return undefined
  return isObject(value) ? value : without(field, wrong)
}

export function list(value: unknown, field: string, wrong: ReportInvalid): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  wrong(field)
  return []
}

export function texts(value: unknown, field: string, wrong: ReportInvalid): string[] | undefined {
  if (value === undefined || value === null) return undefined
  const told = list(value, field, wrong)
  if (told.every(isText)) return told as string[]
  wrong(field)
  return told.filter(isText)
}

export function text(value: unknown, field: string, wrong: ReportInvalid): string | undefined {
  if (value === undefined || value === null) return undefined
  return isText(value) ? value : without(field, wrong)
}

export function flag(value: unknown, field: string, wrong: ReportInvalid): boolean | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'boolean' ? value : without(field, wrong)
}

export function number(value: unknown, field: string, wrong: ReportInvalid): number | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'number' && Number.isFinite(value) ? value : without(field, wrong)
}
