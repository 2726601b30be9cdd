// The order of a list drawn at random.

/** Shuffles it in place (Fisher and Yates), and gives it back. `random` gives [0, 1). */
export function shuffle<T>(list: T[], random: () => number): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[list[i], list[j]] = [list[j]!, list[i]!]
  }
  return list
}
