/**
 * Long lists of numbers that rise slowly, as bytes: each number as the difference to the one `stride` places before, the
 * sign in the lowest bit, seven bits to a byte. Protobuf's own 64-bit fields would do the same through BigInt, and that
 * was most of the time a start took.
 */
export function packDifferences(values: ArrayLike<number>, stride: number): Buffer {
  // A number below 2^54 has eight bytes at most.
  const bytes = Buffer.allocUnsafe(values.length * 8);
  let end = 0;
  for (let place = 0; place < values.length; place++) {
    const difference = (values[place] ?? 0) - (place < stride ? 0 : (values[place - stride] ?? 0));
    let rest = difference < 0 ? -2 * difference - 1 : 2 * difference;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[end++] = (rest % 0x80) | 0x80;
    bytes[end++] = rest;
  }
  return Buffer.from(bytes.subarray(0, end));
}

/** The numbers that `packDifferences` was given. */
export function unpackDifferences(bytes: Uint8Array, stride: number): number[] {
  const values: number[] = [];
  let rest = 0;
  let weight = 1;
  for (const byte of bytes) {
    rest += (byte & 0x7f) * weight;
    weight *= 0x80;
    if (byte >= 0x80) continue;
    const difference = rest % 2 === 0 ? rest / 2 : -(rest + 1) / 2;
    values.push(difference + (values.length < stride ? 0 : (values[values.length - stride] ?? 0)));
    rest = 0;
    weight = 1;
  }
  return values;
}
