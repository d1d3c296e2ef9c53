import { type Finding, isJsonObject, type JsonObject, MlsignError, parseJson } from '../core/index.ts';
import type { FileFormat, FileType } from '../filetypes/index.ts';
import type { Source } from '../model/index.ts';
import type { FileToExamine } from './check-formats.ts';
import {
  countFormats,
  type FileCode,
  type FormatCount,
  type ListedFile,
  lendFromDisk,
  readContents,
  readModelFile,
} from './model-contents.ts';
import { findPartSets, type PartSet } from './model-parts.ts';

/** What kind of model a directory or file is. */
export interface ModelKind {
  /** The format that most of its weights are in; undefined where there are none. */
  readonly weights: FormatCount | undefined;
  readonly files: number;
  readonly bytes: number;
  readonly formats: readonly FormatCount[];
  /** The type of each file by name; files that could not be read have none. */
  readonly types: ReadonlyMap<string, FileType>;
  /** Files that can run code when they are loaded, hold templates, or could not be looked through. */
  readonly code: readonly FileCode[];
  /** Tensors of safetensors and GGUF files, the values in them, and their dtypes, the one with most bytes first. */
  readonly tensors: number;
  readonly parameters: number;
  readonly dtypes: readonly string[];
  /** What `config.json` or the GGUF metadata names: `llama`. */
  readonly architecture: string | undefined;
  /** Classes that `config.json` names: `LlamaForCausalLM`. */
  readonly classes: readonly string[];
  /** Set for an adapter: it is of no use without its base. */
  readonly adapter: Adapter | undefined;
  readonly partSets: readonly PartSet[];
  readonly findings: readonly Finding[];
}

/** A model that changes another one. */
export interface Adapter {
  /** `LORA`, … */
  readonly type: string | undefined;
  readonly base: string | undefined;
}

const WEIGHTS: readonly FileFormat[] = [
  'safetensors',
  'gguf',
  'pytorch',
  'pytorch-legacy',
  'torchscript',
  'onnx',
  'keras',
  'hdf5',
  'numpy-zip',
  'numpy',
  'pickle',
];
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
const CONFIG_LIMITS = { maxBytes: MAX_CONFIG_BYTES, maxDepth: 64, maxValues: 200_000 };

// Enough to hide the latency of a disk, far below any limit on open files.
const READERS = 8;

/**
 * Tells what kind of model the files of a source make up, by their bytes and by what its configuration says.
 *
 * @param members how the files of an archive are opened, in its order; empty for any other source
 */
export async function describeModel(
  source: Source,
  files: readonly ListedFile[],
  members: readonly FileToExamine[],
  signal?: AbortSignal,
): Promise<ModelKind> {
  // What is compressed is read from its beginning on: several readers would stand in each other's way.
  const contents =
    source.kind === 'archive'
      ? await readContents(members, 1, signal)
      : await readContents(
          lendFromDisk(
            source,
            files.map(({ name }) => name),
          ),
          READERS,
          signal,
        );
  const { sets, findings } = await findPartSets(source, files, contents);
  const unreadable: Finding[] = [];
  const config = await readConfig(source, files, 'config.json', unreadable);
  const adapter = await readConfig(source, files, 'adapter_config.json', unreadable);
  const formats = countFormats(files, contents.types);
  const [firstGguf] = contents.gguf.values();
  return {
    weights: formats.find(({ format }) => WEIGHTS.includes(format)),
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    formats,
    types: contents.types,
    code: contents.code,
    tensors: contents.tensors,
    parameters: contents.parameters,
    dtypes: contents.dtypes,
    architecture: text(config?.model_type) ?? firstGguf?.architecture,
    classes: strings(config?.architectures),
    adapter: adapter === undefined ? undefined : { type: text(adapter.peft_type), base: text(adapter.base_model_name_or_path) },
    partSets: sets,
    findings: [...contents.findings, ...findings, ...unreadable],
  };
}

async function readConfig(
  source: Source,
  files: readonly ListedFile[],
  name: string,
  findings: Finding[],
): Promise<JsonObject | undefined> {
  if (source.kind === 'file' || !files.some((file) => file.name === name)) return undefined;
  try {
    const value = parseJson(await readModelFile(source, name, MAX_CONFIG_BYTES, 'configuration'), name, CONFIG_LIMITS);
    if (isJsonObject(value)) return value;
    findings.push({ code: 'config-malformed', severity: 'warning', message: 'the configuration is not a JSON object', subject: name });
  } catch (error) {
    if (!(error instanceof MlsignError)) throw error;
    findings.push({
      code: 'config-malformed',
      severity: 'warning',
      message: `the configuration cannot be read: ${error.message}`,
      subject: name,
    });
  }
  return undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}
