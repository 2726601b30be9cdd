// /health: the process answers. /ready: every engine has been read once, so all names are known.
import type { Store } from '../registry/store.ts'
import { json, type Route } from './server.ts'

export function healthRoutes(store: Pick<Store, 'current'>): Route[] {
  return [
    { path: '/health', handle: () => ({ status: 200, type: 'text/plain; charset=utf-8', body: 'ok\n' }) },
    {
      path: '/ready',
      handle() {
        const engines = [...store.current().engines]
        const waiting = engines.filter(([, { synced }]) => !synced).map(([name]) => name)
        const ready = waiting.length === 0
        return json(ready ? 200 : 503, { ready, waiting })
      },
    },
  ]
}
