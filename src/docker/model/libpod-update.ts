// Pure: a container updated from its row in Podman's own list (libpod), which has no addresses: they are those that its
// networks report, or that it had, as long as it has not been restarted.
import type { ApiContainerRow, LibpodRow } from '../api/types.ts'
import {
  type InspectedContainer,
  isRowRunning,
  updateFromRow,
  withName,
  withoutAddresses,
} from './container.ts'
import { restarted } from './start-order.ts'

/** The container as its own row tells, with the addresses that are told there. */
export function updateFromLibpodRow(
  before: InspectedContainer,
  row: ApiContainerRow,
  own: LibpodRow,
): InspectedContainer {
  const told = row.NetworkSettings === undefined ? runByOwnRow(before, row, own) : updateFromRow(before, row)
  // Its own row tells no more than the second.
  return isSameRun(before, own) ? told : { ...told, startedAt: startedAtMs(own) }
}

/** Its places are those it had, as long as it is the same run of it. Of another run they are an inspect's to tell. */
function runByOwnRow(before: InspectedContainer, row: ApiContainerRow, own: LibpodRow): InspectedContainer {
  const { name: oldName } = before.container
  const name = row.Names?.[0] ?? oldName
  const told = name === oldName ? before : withName(before, oldName, name)
  const isRunning = isRowRunning(row)
  if (isRunning && told.container.running && isSameRun(before, own)) return told
  const container = { ...withoutAddresses(told.container), running: isRunning }
  return { ...told, container, signature: '', ...(isRunning ? { start: restarted } : {}) }
}

const isSameRun = (told: InspectedContainer, own: LibpodRow) =>
  Math.floor(told.startedAt / 1000) === own.startedAt

/** ms since 1970. */
export const startedAtMs = ({ startedAt }: LibpodRow): number => startedAt * 1000
