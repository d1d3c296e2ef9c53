import { compareCodePoints, type Finding, isJsonObject, type JsonObject, MlsignError, parseJson } from '../core/index.ts';
import { checkResourceName } from '../formats/index.ts';
import type { Source } from '../model/index.ts';
import { type ListedFile, type ModelContents, readModelFile } from './model-contents.ts';

/** A model in several parts, each a file: those that make it up, and those of them that are not there. */
export interface PartSet {
  /** The index that names the parts, or the pattern of their names where there is none. */
  readonly name: string;
  readonly hasIndex: boolean;
  readonly parts: number;
  /** The first ones, where very many are. */
  readonly missing: readonly string[];
  /** Files that are named like parts of this set but that the index does not name. */
  readonly unnamed: readonly string[];
}

const MAX_INDEX_BYTES = 32 * 1024 * 1024;
const INDEX_LIMITS = { maxBytes: MAX_INDEX_BYTES, maxDepth: 16, maxValues: 500_000 };
/** The most missing parts of one model that are named: one small file can claim to be one of a hundred thousand. */
const MOST_MISSING = 1000;
const MAX_PARTS = 99_999;
const PART = /^(.*)-(\d{5})-of-(\d{5})(\.[a-z0-9]+)$/i;
const INDEX = /\.index\.json$/;

/** Finds models in several files: by their index (`weight_map`), by the names of their parts, by `split.count` of GGUF files. */
export async function findPartSets(
  source: Source,
  files: readonly ListedFile[],
  contents: ModelContents,
): Promise<{ readonly sets: readonly PartSet[]; readonly findings: readonly Finding[] }> {
  if (source.kind === 'file') return { sets: [], findings: splitFindings(contents, files) };
  const present = new Set(files.map(({ name }) => name));
  const findings: Finding[] = [...splitFindings(contents, files)];
  const sets: PartSet[] = [];
  const indexed = new Set<string>();
  const missing = new MissingParts();
  for (const { name } of files) {
    if (!INDEX.test(name)) continue;
    const parts = await readIndex(source, name, findings);
    if (parts === undefined) continue;
    for (const part of parts) indexed.add(part);
    const set = indexSet(name, parts, present, missing);
    sets.push(set);
    findings.push(...set.missing.map((part) => missingPart(part, `${name} names it`)));
    for (const part of set.unnamed) findings.push(unnamedPart(part, name));
  }
  for (const set of setsByName(files, sets, indexed, missing)) {
    sets.push(set);
    findings.push(...set.missing.map((part) => missingPart(part, `its name is one of ${set.parts}`)));
    if (!set.name.endsWith('.gguf')) findings.push(missingIndex(set));
  }
  if (missing.leftOut > 0) findings.push(missingMore(source.name, missing.leftOut));
  return { sets, findings };
}

/** Takes the first missing parts of a model by name, and counts the others. */
class MissingParts {
  leftOut = 0;
  #taken = 0;

  take(count: number, names: Iterable<string>): readonly string[] {
    const taken: string[] = [];
    for (const name of names) {
      if (this.#taken === MOST_MISSING) break;
      this.#taken++;
      taken.push(name);
    }
    this.leftOut += count - taken.length;
    return taken;
  }
}

/** The parts that an index names, relative to the model; undefined where it is another kind of file. */
async function readIndex(source: Source, name: string, findings: Finding[]): Promise<ReadonlySet<string> | undefined> {
  try {
    const value = parseJson(await readModelFile(source, name, MAX_INDEX_BYTES, 'index'), name, INDEX_LIMITS);
    const map = isJsonObject(value) ? value.weight_map : undefined;
    if (map === undefined) return undefined;
    const folder = name.slice(0, name.lastIndexOf('/') + 1);
    const parts = isJsonObject(map) ? partNames(map) : undefined;
    if (parts !== undefined) return new Set([...parts].map((part) => `${folder}${part}`));
    findings.push(malformedIndex(name, 'its weight_map must map tensors to files beside it'));
  } catch (error) {
    if (!(error instanceof MlsignError)) throw error;
    findings.push(malformedIndex(name, error.message));
  }
  return undefined;
}

function partNames(map: JsonObject): ReadonlySet<string> | undefined {
  const parts = new Set<string>();
  for (const value of Object.values(map)) {
    if (typeof value !== 'string' || checkResourceName(value) !== undefined) return undefined;
    parts.add(value);
  }
  return parts;
}

function indexSet(name: string, parts: ReadonlySet<string>, present: ReadonlySet<string>, missing: MissingParts): PartSet {
  // `model.safetensors.index.json` names `model-00001-of-00002.safetensors`: the same folder, stem and ending.
  const base = name.replace(INDEX, '');
  const ending = base.slice(base.lastIndexOf('.'));
  const stem = base.slice(0, -ending.length);
  const unnamed = [...present].filter((file) => {
    const [, itsStem, , , itsEnding] = PART.exec(file) ?? [];
    return itsStem === stem && itsEnding === ending && !parts.has(file);
  });
  const absent = [...parts].filter((part) => !present.has(part)).sort(compareCodePoints);
  return {
    name,
    hasIndex: true,
    parts: parts.size,
    missing: missing.take(absent.length, absent),
    unnamed: unnamed.sort(compareCodePoints),
  };
}

/** Sets that no index covers: `llama-00001-of-00003.gguf`. */
function setsByName(
  files: readonly ListedFile[],
  known: readonly PartSet[],
  indexed: ReadonlySet<string>,
  missing: MissingParts,
): readonly PartSet[] {
  const covered = new Set([...indexed, ...known.flatMap(({ unnamed }) => unnamed)]);
  const groups = new Map<string, { count: number; present: Set<number>; part: (number: number) => string }>();
  for (const { name } of files) {
    const [, stem = '', number = '', of = '', ending = ''] = PART.exec(name) ?? [];
    const count = Number(of);
    if (stem === '' || covered.has(name) || count < 1 || count > MAX_PARTS) continue;
    const key = `${stem}-*-of-${of}${ending}`;
    const group = groups.get(key) ?? {
      count,
      present: new Set(),
      part: (i: number) => `${stem}-${String(i).padStart(5, '0')}-of-${of}${ending}`,
    };
    groups.set(key, group);
    group.present.add(Number(number));
  }
  return [...groups].map(([name, { count, present, part }]) => {
    const numbers = [...present].filter((number) => number >= 1 && number <= count);
    return {
      name,
      hasIndex: false,
      parts: count,
      missing: missing.take(count - numbers.length, absentParts(count, present, part)),
      unnamed: [],
    };
  });
}

function* absentParts(count: number, present: ReadonlySet<number>, part: (number: number) => string): Generator<string> {
  for (let number = 1; number <= count; number++) if (!present.has(number)) yield part(number);
}

/** GGUF files that say they are one part of several, under a name that says otherwise. */
function splitFindings({ gguf }: ModelContents, files: readonly ListedFile[]): readonly Finding[] {
  return files.flatMap(({ name }): readonly Finding[] => {
    const split = gguf.get(name)?.split;
    if (split === undefined) return [];
    const [, , number, of] = PART.exec(name) ?? [];
    if (Number(number) === split.number + 1 && Number(of) === split.count) return [];
    const message = 'the file is one part of a split model, but is not named so that the other parts are found';
    return [
      {
        code: 'split-misnamed',
        severity: 'warning',
        message,
        subject: name,
        expected: `a name that ends in -${String(split.number + 1).padStart(5, '0')}-of-${String(split.count).padStart(5, '0')}.gguf`,
      },
    ];
  });
}

function missingPart(subject: string, why: string): Finding {
  const suggestion = 'download the model again: without this file it cannot be loaded';
  return { code: 'part-missing', severity: 'warning', message: `a part of the model is missing: ${why}`, subject, suggestion };
}

function missingMore(subject: string, count: number): Finding {
  const message = `${count} more parts of the model are missing`;
  return { code: 'part-missing', severity: 'warning', message, subject };
}

function unnamedPart(subject: string, index: string): Finding {
  const message = `the file is named like a part, but ${index} does not name it`;
  return { code: 'part-unnamed', severity: 'warning', message, subject, suggestion: 'remove it, or restore the index it belongs to' };
}

function missingIndex({ name, parts }: PartSet): Finding {
  return {
    code: 'index-missing',
    severity: 'warning',
    message: `the model is in ${parts} parts, but no index names them`,
    subject: name,
  };
}

function malformedIndex(subject: string, reason: string): Finding {
  return { code: 'index-malformed', severity: 'warning', message: `the index of a model in parts cannot be used: ${reason}`, subject };
}
