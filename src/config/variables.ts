// Names of settings' environment variables, and whether a value is YAML. Pure, and light to load.

/** The variable that names the file itself. */
export const fileVariable = 'BERTH_CONFIG'

/** "forward.singleLabel" → BERTH_FORWARD_SINGLE_LABEL, and BERTH_FORWARD_SINGLELABEL for those who shout it. */
export function variableNames(setting: string): string[] {
  const split = setting.replace(/[A-Z]/g, (capital) => `_${capital}`)
  return [...new Set([split, setting])].map((text) => `BERTH_${text.replaceAll('.', '_').toUpperCase()}`)
}

/** Whether a setting's trimmed text is YAML; any other stays a text. */
export function isInBrackets(text: string): boolean {
  const last = { '[': ']', '{': '}' }[text[0]!]
  return last !== undefined && text.endsWith(last)
}
