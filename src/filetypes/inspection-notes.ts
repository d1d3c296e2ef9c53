import { compareCodePoints, MlsignError, refused } from '../core/index.ts';
import { type FileFormat, fileType } from './formats.ts';
import type { CodePart, Defect, FileInspection, PickleImport } from './inspection.ts';
import type { OpenFile } from './open-file.ts';

const LIMITS = { imports: 2000, parts: 500, defects: 100 };
const LIMIT = 'inspection-limit';

/** What an inspection found so far, and what it may still cost. */
export class InspectionNotes {
  readonly signal: AbortSignal | undefined;
  readonly #imports = new Map<string, PickleImport>();
  readonly #parts: CodePart[] = [];
  readonly #defects: Defect[] = [];
  #isComplete = true;
  /** Bytes that may still be unpacked, members that may still be looked at. */
  readonly left = { inflatedBytes: 128 * 1024 * 1024, members: 20_000 };

  constructor(signal: AbortSignal | undefined) {
    this.signal = signal;
  }

  addImport(found: PickleImport): void {
    if (this.#imports.size < LIMITS.imports) this.#imports.set(`${found.module} ${found.name}`, found);
    else this.#isComplete = false;
  }

  part(format: FileFormat, where: string, what: string, runsCode = true): void {
    if (this.#parts.some((part) => part.format === format && part.where === where && part.what === what)) return;
    if (this.#parts.length < LIMITS.parts) this.#parts.push({ format, where, what, runsCode });
    else this.#isComplete = false;
  }

  defect(code: string, where: string, message: string, expected?: string, got?: string): void {
    if (this.#defects.length >= LIMITS.defects) this.#isComplete = false;
    else this.#defects.push({ code, message, ...(where === '' ? {} : { where }), expected, got });
  }

  incomplete(): void {
    this.#isComplete = false;
  }

  /** Takes from what an inspection may cost. @throws MlsignError `inspection-limit`, which `attempt` understands */
  spend(what: keyof InspectionNotes['left'], amount: number): void {
    this.left[what] -= amount;
    if (this.left[what] < 0) throw refused(LIMIT, 'the file holds more than mlsign looks at');
  }

  /** Does a part of the inspection: what it refuses is a defect, and the rest is looked at all the same. */
  async attempt(where: string, inspect: () => Promise<void>): Promise<void> {
    try {
      await inspect();
    } catch (error) {
      if (!(error instanceof MlsignError) || error.outcome !== 'refused') throw error;
      if (error.code === LIMIT) this.#isComplete = false;
      else this.defect(error.code, where, error.message, error.expected, error.got);
    }
  }

  result(format: FileFormat): FileInspection {
    const imports = [...this.#imports.values()];
    imports.sort((a, b) => compareCodePoints(a.module, b.module) || compareCodePoints(a.name, b.name));
    return {
      type: fileType(format),
      runsCode: this.#parts.some((part) => part.runsCode),
      imports,
      parts: this.#parts,
      defects: this.#defects,
      isComplete: this.#isComplete,
    };
  }
}

/** One file, or one part of a file, that is being inspected. */
export interface InspectionPlace {
  /** Where it is in the file: empty for the file itself. */
  readonly where: string;
  /** How many files it is inside of. */
  readonly depth: number;
  readonly notes: InspectionNotes;
  /** Inspects what is inside: every reader of containers needs it. */
  inspect(file: OpenFile, place: InspectionPlace): Promise<void>;
}

/** A place inside another. */
export function placeIn(place: InspectionPlace, name: string): InspectionPlace {
  return { ...place, where: place.where === '' ? name : `${place.where}/${name}`, depth: place.depth + 1 };
}
