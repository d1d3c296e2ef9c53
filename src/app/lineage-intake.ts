import { unavailable } from '../core/index.ts';
import { MAX_BUNDLE_BYTES, type Provenance } from '../formats/index.ts';
import type { BundleFile } from '../lineage/index.ts';

/** Materials that are kept of all statements together: as many as two models may name. */
const MOST_MATERIALS = 200_000;

/** Takes in the bundles of a lineage: many small ones at once, but never more bytes than one alone may have. */
export class LineageIntake {
  readonly #waiting: { readonly bytes: number; readonly begin: () => void }[] = [];
  #free = MAX_BUNDLE_BYTES;
  #materials = 0;

  /** Reads a bundle and does something with it, once there is room. */
  async read<T>(file: BundleFile, work: (bytes: Uint8Array) => Promise<T>): Promise<T> {
    const bytes = Math.min(file.size ?? MAX_BUNDLE_BYTES, MAX_BUNDLE_BYTES);
    await new Promise<void>((begin) => {
      this.#waiting.push({ bytes, begin });
      this.#admit();
    });
    try {
      return await work(await file.read());
    } finally {
      this.#free += bytes;
      this.#admit();
    }
  }

  /**
   * Keeps a statement.
   *
   * @throws MlsignError `lineage-too-large`
   */
  keep(provenance: Provenance, where: string): Provenance {
    this.#materials += provenance.materials.length;
    if (this.#materials <= MOST_MATERIALS) return provenance;
    throw unavailable('lineage-too-large', 'the lineage names more materials than mlsign follows; this statement was not looked at', {
      subject: where,
      expected: `at most ${MOST_MATERIALS}`,
      suggestions: ['look at the ancestors by themselves: mlsign lineage ANCESTOR'],
    });
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined && next.bytes <= this.#free; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= next.bytes;
      next.begin();
    }
  }
}
