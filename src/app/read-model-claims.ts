import { Decoder, type Fields, type Finding, type JsonValue, MlsignError, parseJson } from '../core/index.ts';
import { RELATIONS, type Relation } from '../lineage/index.ts';
import type { Source } from '../model/index.ts';
import { readYaml } from '../policy/index.ts';
import { readModelFile } from './model-contents.ts';

/** What a model's own files say of how it was made: anyone could have written it. */
export interface ModelClaims {
  /** `adapter_config.json`. */
  readonly adapter?: { readonly base?: string | undefined } | undefined;
  /** The front matter of `README.md`, the model card. */
  readonly card?: ModelCard | undefined;
  readonly findings: readonly Finding[];
}

/** What a model card says. */
export interface ModelCard {
  readonly bases: readonly string[];
  readonly relation?: Relation | undefined;
  readonly datasets: readonly string[];
}

const ADAPTER_CONFIG = 'adapter_config.json';
const CARD = 'README.md';
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
const CONFIG_LIMITS = { maxBytes: MAX_CONFIG_BYTES, maxDepth: 64, maxValues: 200_000 };
const MAX_CARD_BYTES = 4 * 1024 * 1024;
const MAX_FRONT_MATTER_BYTES = 256 * 1024;
/** Names of models and datasets; more than any card lists. */
const MOST_NAMES = 1000;
const MODEL_NAME = /^\P{Cc}{1,1024}$/u;

/** Reads a signed file of a model, whole; undefined where the model has none of that name. */
export type ReadModelFile = (name: string, maxBytes: number) => Promise<Uint8Array | undefined>;

/** Reads what a model says of itself. What cannot be read is a finding. */
export async function readModelClaims(read: ReadModelFile): Promise<ModelClaims> {
  const findings: Finding[] = [];
  const adapter = await telling(ADAPTER_CONFIG, findings, () => readAdapter(read));
  const card = await telling(CARD, findings, () => readCard(read));
  return { adapter, card, findings };
}

/**
 * Reads the signed files of a model on disk.
 *
 * @param signed their names: what nobody signed says nothing
 */
export function filesOnDisk(source: Source, signed: ReadonlySet<string>): ReadModelFile {
  return async (name, maxBytes) => (source.kind !== 'file' && signed.has(name) ? readModelFile(source, name, maxBytes, 'file') : undefined);
}

async function readAdapter(read: ReadModelFile): Promise<ModelClaims['adapter']> {
  const bytes = await read(ADAPTER_CONFIG, MAX_CONFIG_BYTES);
  if (bytes === undefined) return undefined;
  const decoder = new Decoder();
  const fields = decoder.object(parseJson(bytes, ADAPTER_CONFIG, CONFIG_LIMITS), '');
  const name = 'base_model_name_or_path';
  const base = fields.present && (fields.raw(name) ?? null) !== null ? fields.string(name, MODEL_NAME, 'the name of a model') : undefined;
  decoder.finish('config-malformed', 'adapter configuration', ADAPTER_CONFIG);
  return base === undefined ? {} : { base };
}

async function readCard(read: ReadModelFile): Promise<ModelCard | undefined> {
  const bytes = await read(CARD, MAX_CARD_BYTES);
  const matter = bytes && frontMatter(Buffer.from(bytes));
  if (matter === undefined) return undefined;
  const decoder = new Decoder();
  const fields = decoder.object(await readYaml(matter, CARD, 'model card', MAX_FRONT_MATTER_BYTES), '');
  const relation = 'base_model_relation';
  const card: ModelCard = {
    bases: names(decoder, fields, 'base_model'),
    ...(isThere(fields.raw(relation)) ? { relation: fields.oneOf(relation, RELATIONS) } : {}),
    datasets: names(decoder, fields, 'datasets'),
  };
  decoder.finish('card-malformed', 'model card', CARD);
  return card;
}

/** What stands between the first line `---` and the next. */
function frontMatter(text: Buffer): Buffer | undefined {
  const [, open = ''] = /^(---[ \t]*\r?\n)/.exec(text.toString('latin1', 0, 100)) ?? [];
  if (open === '') return undefined;
  const rest = text.toString('latin1', open.length);
  const end = /^---[ \t]*\r?$/m.exec(rest)?.index;
  return end === undefined ? undefined : text.subarray(open.length, open.length + end);
}

/** One name, or a list of them. */
function names(decoder: Decoder, fields: Fields, name: string): readonly string[] {
  const value = fields.raw(name);
  if (!isThere(value)) return [];
  const list = Array.isArray(value) ? decoder.array(value, name, 0, MOST_NAMES) : [value];
  return list.map((entry, i) => decoder.string(entry, `${name}[${i}]`, MODEL_NAME, 'a name'));
}

function isThere(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null;
}

async function telling<T>(name: string, findings: Finding[], read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MlsignError)) throw error;
    findings.push({
      code: 'claim-unreadable',
      severity: 'warning',
      message: `what the model says of its making cannot be read: ${error.message}`,
      subject: name,
      expected: error.expected,
      got: error.got,
    });
    return undefined;
  }
}
