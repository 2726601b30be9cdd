// The parts of undici that are used: all of it with fetch, caches and WebSockets takes 18 MB.

declare module 'undici/lib/dispatcher/pool.js' {
  import type { Pool } from 'undici'

  const pool: typeof Pool
  export default pool
}

declare module 'undici/lib/core/connect.js' {
  import type { buildConnector } from 'undici'

  const connect: typeof buildConnector
  export default connect
}
