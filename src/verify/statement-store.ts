import { sha256Hex, unavailable } from '../core/index.ts';
import { STATEMENT_LIMITS } from '../formats/index.ts';

/**
 * What has been read from payloads, by their bytes: bundles that sign the same share it. All payloads together are no larger
 * than one alone may be, so that many bundles take no more memory than one.
 */
export class StatementStore<T> {
  readonly #known = new Map<string, T>();
  #bytes = 0;

  /**
   * What a payload says, parsed where it is new.
   *
   * @throws MlsignError `statements-too-large`, and what `parse` throws
   */
  read(payload: Uint8Array, where: string, parse: () => T): T {
    const id = sha256Hex(payload);
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    if (this.#bytes + payload.length > STATEMENT_LIMITS.maxBytes) {
      throw unavailable('statements-too-large', 'the bundles sign more different statements than mlsign keeps in memory', {
        subject: where,
        expected: `at most ${STATEMENT_LIMITS.maxBytes} bytes of different statements`,
        suggestions: ['name the bundles that count with --signature'],
      });
    }
    const read = parse();
    this.#bytes += payload.length;
    this.#known.set(id, read);
    return read;
  }
}
