import type { Random } from '../simulation/random.js'

/** What has broken parsers before: lengths at their edges, signs, ends of lines, odd characters. */
const TOKENS = [
  '\0',
  '\r\n',
  '\r\n\r\n',
  '\n',
  ' ',
  ',',
  '"',
  '\\u0000',
  '\\ud800',
  '\\u202e',
  '__proto__',
  'constructor',
  '1e999',
  '-0',
  '9007199254740993',
  'null',
  'true',
  '[]',
  '{}',
  '[[[[',
  '{"a":',
  '%00',
  '%',
  '%ff',
  '../',
  'chunked',
  'close',
  'Host: b\r\n',
  'Content-Length: 5\r\n',
  '\x7e\xff\xff',
  '\x7f\xff\xff\xff\xff\xff\xff\xff\xff',
  '\x80\x80',
  '\xed\xa0\x80',
  '\xff',
]
const LONGEST = 70_000

/** An input made from another one, and maybe a second, by a few random changes. */
export function mutate(input: Buffer, other: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(input)
  for (let i = random.pick([1, 1, 2, 4, 8]); i > 0; i--) bytes = change(bytes, other, random)
  return bytes.subarray(0, LONGEST)
}

function change(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const at = random.integer(0, bytes.length)
  const end = Math.min(bytes.length, at + random.pick([1, 2, 4, 16, 64]))
  const before = bytes.subarray(0, at)
  const after = bytes.subarray(end)
  switch (random.integer(0, 7)) {
    case 0:
      return Buffer.concat([before, Buffer.of(random.integer(0, 255)), after])
    case 1:
      return Buffer.concat([before, after])
    case 2:
      return Buffer.concat([before, bytes.subarray(at, end), bytes.subarray(at)])
    case 3:
      return Buffer.concat([before, Buffer.from(random.pick(TOKENS), 'latin1'), bytes.subarray(at)])
    case 4:
      return Buffer.concat([before, Buffer.from(random.pick(TOKENS), 'latin1'), after])
    case 5: {
      const from = random.integer(0, other.length)
      const piece = other.subarray(from, from + random.integer(1, 64))
      return Buffer.concat([before, piece, after])
    }
    case 6: {
      const flipped = Buffer.from(bytes)
      if (at < flipped.length) flipped[at] = (flipped[at] as number) ^ (1 << random.integer(0, 7))
      return flipped
    }
    default: {
      const times = random.pick([2, 10, 100, 1000])
      const piece = bytes.subarray(at, end)
      if (piece.length * times > LONGEST) return bytes
      return Buffer.concat([before, ...Array.from({ length: times }, () => piece), after])
    }
  }
}
