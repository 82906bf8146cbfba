import { DamagedRecord } from "./records.js";

/** Reads whole numbers as protobuf writes them, one behind the other. */
export class VarintReader {
  readonly #bytes: Uint8Array;
  #place = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#place >= this.#bytes.length;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#place;
  }

  /** The next number. @throws DamagedRecord when there is none */
  next(): number {
    const first = this.#bytes[this.#place++];
    if (first === undefined) throw new DamagedRecord("a stored record is too short");
    return first < 0x80 ? first : this.#rest(first);
  }

  /** As many numbers as lie in the bytes of which the next number tells the length. */
  list(): number[] {
    const length = this.next();
    const end = this.#place + length;
    const numbers: number[] = [];
    while (this.#place < end) numbers.push(this.next());
    return numbers;
  }

  /** Passes over so many bytes. */
  skip(bytes: number): void {
    this.#place += bytes;
  }

  #rest(first: number): number {
    let value = first & 0x7f;
    // Beyond 31 bits the operators on bits would cut it.
    for (let weight = 0x80; ; weight *= 0x80) {
      const byte = this.#bytes[this.#place++];
      if (byte === undefined) throw new DamagedRecord("a stored record is too short");
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return value;
    }
  }
}
