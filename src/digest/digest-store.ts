/** Digests by number, outside the JavaScript heap: a million of them cost what their bytes cost. */
export class DigestStore {
  readonly #digestBytes: number;
  #bytes: Buffer;

  constructor(digestBytes: number) {
    this.#digestBytes = digestBytes;
    this.#bytes = Buffer.alloc(64 * digestBytes);
  }

  set(number: number, digest: Uint8Array): void {
    const at = number * this.#digestBytes;
    if (at >= this.#bytes.length) {
      const larger = Buffer.alloc(2 * Math.max(at, this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(digest, at);
  }

  /** Lower-case hex. */
  get(number: number): string {
    return this.#bytes.toString('hex', number * this.#digestBytes, (number + 1) * this.#digestBytes);
  }
}
