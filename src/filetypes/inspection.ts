import type { FileFormat, FileType } from './formats.ts';

/** A class or function that a pickle asks for. `?` stands for names that cannot be told: no policy allows those. */
export interface PickleImport {
  readonly module: string;
  /** With dots where attributes of attributes are asked for. */
  readonly name: string;
}

/** A place in a file that holds code, or names it. */
export interface CodePart {
  /** What a policy must allow for it: the format of the file where the part belongs to that, else its own. */
  readonly format: FileFormat;
  /** `archive/data.pkl`, `chat_template`; empty where it is the whole file. */
  readonly where: string;
  /** One lower-case sentence: why it can run code, or what it is. */
  readonly what: string;
  /** Whether a usual loader would run it without asking; else it is told for the record. */
  readonly runsCode: boolean;
}

/** What is malformed, or can be read in two ways. */
export interface Defect {
  /** Stable, kebab-case: `zip-malformed`. */
  readonly code: string;
  /** One lower-case sentence without a final period. */
  readonly message: string;
  readonly where?: string | undefined;
  readonly expected?: string | undefined;
  readonly got?: string | undefined;
}

/** What loading a file could do, and what is wrong with it. */
export interface FileInspection {
  /** By content. */
  readonly type: FileType;
  /** Whether a usual loader would run code that the file brings or names. */
  readonly runsCode: boolean;
  /** What its pickles ask for, nested ones too: sorted, each once. */
  readonly imports: readonly PickleImport[];
  readonly parts: readonly CodePart[];
  readonly defects: readonly Defect[];
  /** False where a limit was met or something could not be read: such a file is never to be taken for safe. */
  readonly isComplete: boolean;
}
