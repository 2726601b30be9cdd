// Answers kept by native/askers.c, one in a hundred. Pure.

export interface Sample {
  /** The asker's number. */
  readonly asker: number
  readonly message: Buffer
}

/** For each: 16 bits the asker's number, 16 bits the length, the message. */
export function readSamples(bytes: Buffer): Sample[] {
  const samples: Sample[] = []
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt16BE(at + 2)
    samples.push({ asker: bytes.readUInt16BE(at), message: bytes.subarray(at + 4, end) })
    at = end
  }
  return samples
}
