/** Whole numbers in an array that is no wider than the largest of them needs. */
export type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array;

const WIDTHS = [Uint8Array, Uint16Array, Uint32Array, Float64Array];

/** Sets a number. @returns the array, or a wider copy when the number does not fit */
export function put(numbers: Numbers, place: number, value: number): Numbers {
  numbers[place] = value;
  // What does not fit is cut, so that it does not come back.
  return numbers[place] === value ? numbers : widened(numbers, place, value);
}

function widened(numbers: Numbers, place: number, value: number): Numbers {
  for (const Wider of WIDTHS) {
    if (Wider.BYTES_PER_ELEMENT <= numbers.BYTES_PER_ELEMENT) continue;
    const copy = new Wider(numbers);
    copy[place] = value;
    if (copy[place] === value) return copy;
  }
  throw new RangeError(`${value} is no whole number`);
}
