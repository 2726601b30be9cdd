// What stands between malformed packets and harm: each guard with its place in src, and how src reads without it.
// Taking it out must change what becomes of the packets that name it (guards.test.ts).

export interface Guard {
  readonly id: string
  /** Under src. */
  readonly file: string
  /** Text that is there once, and what takes its place. */
  readonly cuts: readonly (readonly [guard: string, without: string])[]
}

const guard = (id: string, file: string, ...cuts: Guard['cuts']): Guard => ({ id, file, cuts })

export const guards: readonly Guard[] = [
  // The header of a question.
  guard('header-length', 'dns/header.ts', ["if (message.length < headerBytes) return 'drop'", '']),
  guard('replies-dropped', 'dns/header.ts', ["if ((message[2]! & 0x80) !== 0) return 'drop'", '']),
  guard('opcode', 'dns/header.ts', ['if (opcodeOf(message) !== 0) return rcode.NOTIMP', '']),
  guard('query-size', 'dns/header.ts', ['if (message.length > maxQueryBytes) return rcode.FORMERR', '']),
  guard('question-count', 'dns/header.ts', ['qd > 1 || ', ''], ['if (qd === 1)', 'if (qd >= 1)']),
  guard('no-question', 'dns/header.ts', ["if (qd === 1) return 'pass'", "return 'pass'"]),
  guard('answer-count', 'dns/header.ts', ['an > 0 || ', '']),
  guard('authority-count', 'dns/header.ts', ['ns > 0 || ', '']),
  guard('additional-count', 'dns/header.ts', [' || ar > 2', '']),
  guard('header-counts', 'dns/header.ts', [
    'if (qd > 1 || an > 0 || ns > 0 || ar > 2) return rcode.FORMERR',
    "return 'pass'",
  ]),
  guard('reply-flags', 'dns/header.ts', ['(queryFlags & (0x7800 | flag.RD | flag.CD))', 'queryFlags']),

  // Its question.
  guard('name-end', 'dns/name.ts', [
    'if (length === undefined || length > maxLabelBytes) return undefined\n    if (length === 0)',
    `if (length === undefined) return { name: '', type: 1, class: 1, end: message.length }
    if (length > maxLabelBytes) return undefined
    if (length === 0)`,
  ]),
  guard('label-type', 'dns/name.ts', [
    'length === undefined || length > maxLabelBytes',
    'length === undefined',
  ]),
  guard('name-length', 'dns/name.ts', ['if (offset - 12 >= maxNameBytes) return undefined', '']),
  guard('question-end', 'dns/name.ts', ['if (end > message.length) return undefined', '']),
  guard('label-dots', 'dns/name.ts', [' || byte === 0x2e || byte === 0x5c)', ')']),
  guard('case', 'dns/name.ts', ['byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte', 'byte']),

  // Records, of questions and of replies.
  guard('record-counts', 'dns/edns.ts', [
    "if (message.readUInt16BE(10) === 0) return 'none'",
    'message[11] = 1',
  ]),
  guard('record-name', 'dns/records.ts', [
    'if (nameEnd === undefined || nameEnd + 10',
    'if (nameEnd === undefined) return records\n    if (nameEnd + 10',
  ]),
  guard('record-label-type', 'dns/name.ts', ['if (length > maxLabelBytes) return undefined', '']),
  guard('record-fixed', 'dns/records.ts', [
    'if (nameEnd === undefined || nameEnd + 10 > message.length) return undefined',
    'if (nameEnd === undefined) return undefined\n    if (nameEnd + 10 > message.length) return records',
  ]),
  guard('record-data', 'dns/records.ts', [
    'if (end > message.length) return undefined',
    'if (end > message.length) return records',
  ]),

  // OPT in a question, and its options.
  guard('one-opt', 'dns/edns.ts', [
    'if (records.findLast((record) => record.type === type.OPT) !== opt)',
    'if (false)',
  ]),
  guard('opt-owner', 'dns/edns.ts', ['if (message[opt.start] !== 0)', 'if (false)']),
  guard('option-header', 'dns/edns.ts', [
    "if (offset + 4 > end) return { flaw: 'an option is cut short' }",
    'if (offset + 4 > end) break',
  ]),
  guard('option-length', 'dns/edns.ts', ['if (offset > end)', 'if (false)']),
  guard('edns-version', 'resolve/pipeline.ts', [
    'if (opt !== undefined && opt.version > 0) return fail',
    'if (false) return fail',
  ]),
  guard('opt-ours', 'dns/relay.ts', [
    'encodeOpt(edns.dnssecOk, code, error, edns.reply)',
    'Buffer.from(query.subarray(question.end))',
  ]),
  guard('type-opt', 'resolve/pipeline.ts', [' || question.type === type.OPT', '']),
  guard('udp-floor', 'dns/edns.ts', ['Math.max(plainUdpBytes, opt.class)', 'opt.class']),
  guard('udp-ceiling', 'dns/writer.ts', ['Math.min(edns.udpBytes, udpPayloadBytes)', 'edns.udpBytes']),
  guard('plain-limit', 'dns/writer.ts', [
    'edns === undefined ? plainUdpBytes',
    'edns === undefined ? 0xffff',
  ]),
  guard('keepalive-tcp', 'resolve/edns-options.ts', ["query.transport === 'tcp' && ", '']),
  guard('keepalive-asked', 'resolve/edns-options.ts', ['if (wantsKeepalive && ', 'if (false && ']),
  guard('nsid', 'resolve/edns-options.ts', ['wantsNsid && nsid !== undefined', 'wantsNsid']),

  // Cookies, and askers that are over their rate.
  guard('cookie-length', 'dns/edns.ts', ['isCookieLength(cookie.length)', 'true']),
  guard('cookie-answer', 'resolve/edns-options.ts', [
    'if (proof !== undefined) options.push(encodeOption(optionCode.cookie, proof.cookie))',
    'if (proof !== undefined) options.push(encodeOption(optionCode.cookie, Buffer.alloc(9)))',
  ]),
  guard('cookie-hash', 'dns/cookie.ts', ['return differs === 0', 'return true']),
  guard('bare-cookie', 'dns/header.ts', ["return ar > 0 ? 'bare' : rcode.FORMERR", 'return rcode.FORMERR']),
  guard('bare-badcookie', 'resolve/pipeline.ts', ['isWrong ? rcode.BADCOOKIE : ', '']),
  guard('bare-no-cookie', 'resolve/pipeline.ts', [
    "edns === undefined || edns === 'none' || edns.flaw !== undefined || edns.cookie === undefined",
    'edns === undefined',
  ]),
  guard('pressed', 'resolve/pipeline.ts', [
    'if (pressed !== undefined && opt?.isProven !== true)',
    'if (false)',
  ]),
  guard('pressed-formerr', 'resolve/pipeline.ts', ["if (pressed === 'drop') return drop(query)", '']),

  // What is refused, and what never leaves.
  guard('nobody', 'resolve/resolver.ts', [
    "const isNobody = scope.view === 'nobody'",
    'const isNobody = false',
  ]),
  guard('class', 'resolve/resolver.ts', ['if (!isInternet(question))', 'if (false)']),
  guard('transfers', 'resolve/resolver.ts', ['if (refusedTypes.includes(question.type))', 'if (false)']),
  guard('any', 'resolve/resolver.ts', ['question.type === type.ANY ? notForwarded : ', '']),
  guard('single-label', 'resolve/deny-or-forward.ts', [
    'const rule = isSingleLabel(each)',
    'const rule = false',
  ]),
  guard('unknown-type', 'resolve/decision.ts', [
    'question.type === type.AAAA ? addresses.v6 : []',
    'addresses.v6',
  ]),
  guard('docker-reverse', 'resolve/deny-or-forward.ts', ["if (denied === 'address')", 'if (false)']),
  guard('reverse-range', 'dns/reverse.ts', [' || value > most', '']),
  guard('reverse-digits', 'dns/reverse.ts', ['/^(?:0|[1-9]\\d{0,2})$/', '/^\\d{1,3}$/']),
  guard('upstream-flags', 'dns/relay.ts', [
    '(flagsOf(query) & kept) | (form.ad ? flag.AD : 0)',
    'flagsOf(query)',
  ]),
  guard('upstream-options', 'dns/relay.ts', [
    'if (offered !== undefined) writePlainOpt(message, question.end, offered.dnssecOk)',
    'return Buffer.concat([message.subarray(0, question.end), query.subarray(question.end)])',
  ]),

  // Whether a reply is one to the question.
  guard('reply-length', 'dns/relay.ts', ['reply.length < headerBytes || ', '']),
  guard('reply-id', 'dns/relay.ts', [' || idOf(reply) !== idOf(sent)', '']),
  guard('reply-qr', 'dns/relay.ts', [
    '(flagsOf(reply) & 0xf800) !== flag.QR',
    '(flagsOf(reply) & 0x7800) !== 0',
  ]),
  guard('reply-opcode', 'dns/relay.ts', ['(flagsOf(reply) & 0xf800)', '(flagsOf(reply) & 0x8000)']),
  guard('reply-bare', 'dns/relay.ts', [
    'return bare !== undefined && (bareErrors.has(replyCode(bare)) || isBareTruncation(bare))',
    'return true',
  ]),
  guard('reply-bare-error', 'dns/relay.ts', ['(bareErrors.has(replyCode(bare)) || ', '(']),
  guard('reply-bare-truncated', 'dns/relay.ts', [' || isBareTruncation(bare))', ')']),
  guard('reply-questions', 'dns/relay.ts', ['questions !== 1 || ', '']),
  guard('reply-question-cut', 'dns/relay.ts', [' || reply.length < question.end', '']),
  guard('reply-name', 'dns/relay.ts', ['if (lowerCase(reply[i]!) !== lowerCase(sent[i]!)) return false', '']),
  guard('reply-case', 'dns/name.ts', ['byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte', 'byte | 0x20']),
  guard('reply-type', 'dns/relay.ts', [
    'question.end - 4, question.end, question.end - 4, question.end)',
    'question.end - 2, question.end, question.end - 2, question.end)',
  ]),
  guard('reply-class', 'dns/relay.ts', [
    'question.end - 4, question.end, question.end - 4, question.end)',
    'question.end - 4, question.end - 2, question.end - 4, question.end - 2)',
  ]),

  // Whether it can be relayed.
  guard('reply-records', 'dns/relay.ts', [
    'if (records === undefined || ',
    'if (records === undefined) return { message, records: [] }\n  if (',
  ]),
  guard('well-formed', 'dns/relay.ts', [' || !isWellFormed(message, records)', '']),
  guard('owner-name', 'dns/wellformed.ts', ['if (follow(record.start) === undefined) return false', '']),
  guard('data-size', 'dns/wellformed.ts', [
    'at !== undefined && at + after === record.end',
    'at !== undefined',
  ]),
  guard('data-label-type', 'dns/wellformed.ts', ['if (size > 63) return undefined', '']),
  guard('pointer-back', 'dns/wellformed.ts', ['target >= labelsStart || ', '']),
  guard('pointer-prior', 'dns/wellformed.ts', [
    'if (end !== undefined && at >= offset) return undefined',
    '',
  ]),
  guard('pointer-fields', 'dns/wellformed.ts', [' || fields[at] === 1', '']),
  guard(
    'pointer-count',
    'dns/wellformed.ts',
    ['++pointers > maxPointers) return undefined', '++pointers > 1000) return undefined'],
    [' || pointers > maxPointers', ''],
  ),
  guard(
    'followed-length',
    'dns/wellformed.ts',
    ['if (bytes >= maxNameBytes) return undefined', ''],
    ['bytes > maxNameBytes || ', ''],
  ),
  guard('reply-one-opt', 'dns/relay.ts', ['++opts > 1 || ', '']),
  guard('reply-opt-section', 'dns/relay.ts', [" || record.section !== 'additional'", '']),
  guard('reply-opt-stripped', 'dns/relay.ts', [
    'code === type.OPT || code === type.TSIG',
    'code === type.TSIG',
  ]),
  guard('reply-tsig-stripped', 'dns/relay.ts', [
    'code === type.OPT || code === type.TSIG',
    'code === type.OPT',
  ]),
  guard('reply-upper-rcode', 'dns/relay.ts', [' | (opt === undefined ? 0 : message[opt.ttlAt]! << 4)', '']),
  guard('reply-truncated', 'forward/verdict.ts', [
    "const isPart = asked.transport === 'udp' && (isTruncated || isCut)",
    'const isPart = false',
  ]),
  guard('reply-rcode', 'forward/verdict.ts', ['if (answers.has(code))', 'if (true)']),
  guard('reply-plain', 'forward/attempts.ts', ['if (objection !== undefined && ', 'if (false && ']),
  guard('reply-question-echo', 'dns/relay.ts', [
    'copyBytes(query, headerBytes, question.end, out, headerBytes)',
    'copyBytes(message, headerBytes, question.end, out, headerBytes)',
  ]),
  guard('reply-flags-relayed', 'dns/relay.ts', [
    'flagsOf(message) & (flag.TC | (wantsAd ? flag.AD : 0))',
    'flagsOf(message) & 0x07f0',
  ]),
  guard('reply-tail', 'dns/relay.ts', [
    'const end = records[fitting - 1]?.end ?? question.end',
    'const end = truncated ? question.end : message.length',
  ]),
  guard('reply-fit', 'dns/relay.ts', ['size <= room ? kept : countFitting(records, kept, room)', 'kept']),
  guard('reply-ede-length', 'dns/relay.ts', ['length < 2 || ', '']),
  guard('reply-option-length', 'dns/relay.ts', ['if (next > opt.end) break', '']),
  guard('reply-ede-size', 'dns/relay.ts', [' || length + 4 > left', '']),
  guard('foreign-address', 'resolve/answer-filter.ts', ['if (mayBeForeign && ', 'if (false && ']),

  // Streams.
  guard('stream-drop', 'net/tcp-connection.ts', ["if (gate(message) === 'drop') {", 'if (false) {']),
  guard('frame-length', 'dns/frame.ts', ['if (held < 2 + length) return messages', '']),
  guard('frame-boundary', 'dns/frame.ts', ['take(2 + length)', 'take(held)']),
  guard('upstream-stream', 'forward/tcp-carrier.ts', [
    "if (message.length < headerBytes) problem = 'not DNS'",
    'if (message.length < headerBytes) continue',
  ]),
  guard('upstream-question', 'forward/tcp-carrier.ts', [
    ' && answersQuestion(asked.attempt.message, asked.attempt.question, message)',
    '',
  ]),
  guard(
    'upstream-match',
    'forward/tcp-carrier.ts',
    ['const asked = connection.open.get(id)', 'const [asked] = connection.open.values()'],
    [' && answersQuestion(asked.attempt.message, asked.attempt.question, message)', ''],
  ),
]
