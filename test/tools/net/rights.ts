// The words before a command that take its rights away: another user, hardly a capability, nothing that can be written.

/** `groups`: more of the user's, by number; `capabilities`: those that are left, as "net_bind_service". */
export interface Rights {
  readonly user: number
  readonly groups?: readonly number[]
  readonly capabilities?: readonly string[]
}

// Every mount is made read-only in a mount namespace of its own. /proc and /sys may say no: they are no files.
const readOnly = `
mount --make-rprivate /
findmnt --raw --noheadings --output TARGET | while read -r target; do
  mount -o remount,bind,ro "$target" 2>/dev/null
done
if touch /tmp/written /var/tmp/written 2>/dev/null; then echo "the file system can be written" >&2; exit 1; fi
exec "$@"`

export function withRights({ user, groups = [], capabilities = [] }: Rights): string[] {
  const some = capabilities.map((name) => `+${name}`).join(',') || '-all'
  const left = ['-all', ...capabilities.map((name) => `+${name}`)].join(',')
  const account = [`--reuid=${user}`, `--regid=${user}`]
  const belongs = groups.length > 0 ? [`--groups=${groups.join(',')}`] : ['--clear-groups']
  const caps = [`--bounding-set=${left}`, `--inh-caps=${left}`, `--ambient-caps=${some}`, '--no-new-privs']
  return ['unshare', '--mount', 'sh', '-c', readOnly, 'sh', 'setpriv', ...account, ...belongs, ...caps, '--']
}
