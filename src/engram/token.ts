import { createHash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";

/** What a caller has to show. Only a digest of it is kept. */
export class Token {
  readonly #digest: Buffer;

  constructor(text: string) {
    this.#digest = digestOf(text);
  }

  /** Reads it from a file. White space around it does not belong to it. @throws when there is none in the file */
  static async read(file: string): Promise<Token> {
    const text = (await readFile(file, "utf8")).trim();
    if (!/^[\x21-\x7e]+$/.test(text)) throw new Error(`${file} must hold a token: one word of printable ASCII`);
    return new Token(text);
  }

  /** Whether this `Authorization` header shows it. That takes the same time however much of it is right. */
  isIn(header: string | undefined): boolean {
    const shown = /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1] ?? "";
    return timingSafeEqual(digestOf(shown), this.#digest);
  }
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
