// The code that packets meet: what bench.ts needs of src, in one piece, so that a copy with a guard taken out can stand
// in for it.
export { createCookies } from '../../src/dns/cookie.ts'
export { answersQuestion } from '../../src/dns/relay.ts'
export { createExchange } from '../../src/forward/exchange.ts'
export { createTcp } from '../../src/forward/tcp-carrier.ts'
export { listenTcp } from '../../src/net/tcp-listener.ts'
export { createPipeline } from '../../src/resolve/pipeline.ts'
export { createResolver } from '../../src/resolve/resolver.ts'
