// One record for the wire, in class IN, with any data: for replies that no encoder would write.

/** `owner`: as a wire name. `ttl`: seconds. */
export function writeRecord(owner: Buffer, type: number, data: Buffer, ttl: number): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt32BE(ttl, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([owner, fixed, data])
}
