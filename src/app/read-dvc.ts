import { basename } from 'node:path';
import { Decoder, type Fields, type Finding, isJsonObject, type JsonValue, readCapped } from '../core/index.ts';
import { isDigestValue, type Material, type MaterialRole, materialOf } from '../lineage/index.ts';
import { readYaml } from '../policy/index.ts';
import { type BuildFacts, noFacts } from './build-facts.ts';
import { keepParameter } from './keep-parameter.ts';

const MAX_BYTES = 1024 * 1024;
const MOST_ENTRIES = 10_000;
const CODE = /\.(py|ipynb|sh|r|jl|rs|go|c|cc|cpp|js|ts)$/i;
const CONFIG = /\.(ya?ml|json|toml|ini|cfg)$/i;

/**
 * What DVC knows: of a `.dvc` file the data that it tracks, of a `dvc.lock` what its stages depend on, and their parameters.
 * Its digests are MD5: written down, and no proof.
 *
 * @throws MlsignError `dvc-malformed`, `yaml-invalid`, `yaml-too-large`, and what reading the file gives
 */
export async function readDvc(path: string): Promise<BuildFacts> {
  const document = await readYaml(await readCapped(path, MAX_BYTES, 'file of DVC'), path, 'file of DVC', MAX_BYTES);
  const decoder = new Decoder();
  const fields = decoder.object(document, '');
  const findings: Finding[] = [];
  const facts = fields.has('stages') ? readLock(decoder, fields, findings) : readTracked(decoder, fields);
  decoder.finish('dvc-malformed', 'file of DVC', path);
  return { ...noFacts(basename(path)), ...facts, findings };
}

function readTracked(decoder: Decoder, fields: Fields): Pick<BuildFacts, 'materials' | 'parameters'> {
  const outs = fields.array('outs', 1, MOST_ENTRIES);
  return { materials: outs.flatMap((value, i) => readEntry(decoder, value, `outs[${i}]`, () => 'dataset')), parameters: {} };
}

function readLock(decoder: Decoder, fields: Fields, findings: Finding[]): Pick<BuildFacts, 'materials' | 'parameters'> {
  const stages = fields.object('stages');
  const inputs: Material[] = [];
  const made = new Set<string>();
  const parameters: Record<string, string> = {};
  for (const name of stages.keys().slice(0, MOST_ENTRIES)) {
    const stage = stages.object(name);
    for (const [i, value] of list(stage, 'deps').entries()) inputs.push(...readEntry(decoder, value, stage.at(`deps[${i}]`), roleOf));
    for (const value of list(stage, 'outs')) if (isJsonObject(value) && typeof value.path === 'string') made.add(placeOf(value.path));
    if (stage.has('params')) readParameters(stage.object('params'), parameters, findings);
  }
  // What a stage made is no material of the whole.
  const materials = inputs.filter(({ name }) => name !== undefined && !made.has(name));
  return { materials: [...new Map(materials.map((material) => [JSON.stringify(material), material])).values()], parameters };
}

function list(fields: Fields, name: string): readonly JsonValue[] {
  return fields.has(name) ? fields.array(name, 0, MOST_ENTRIES) : [];
}

/** By file of parameters: `params.yaml: { train.epochs: 3 }`. */
function readParameters(files: Fields, parameters: Record<string, string>, findings: Finding[]): void {
  for (const file of files.keys()) {
    const values = files.raw(file);
    if (!isJsonObject(values)) continue;
    for (const [name, value] of Object.entries(values)) {
      keepParameter(parameters, name, typeof value === 'string' ? value : JSON.stringify(value), file, findings);
    }
  }
}

function readEntry(decoder: Decoder, value: JsonValue, at: string, role: (path: string) => MaterialRole): readonly Material[] {
  const fields = decoder.object(value, at);
  const path = fields.string('path');
  const { md5 } = isJsonObject(value) ? value : {};
  // The list of a directory is named by its MD5 and `.dir`.
  const digest = typeof md5 === 'string' ? md5.replace(/\.dir$/, '') : '';
  if (!isDigestValue('md5', digest)) {
    if (fields.present) decoder.problem(fields.at('md5'), '32 lower-case hex digits', md5);
    return [];
  }
  const material = materialOf({ md5: digest }, { role: role(path), name: placeOf(path) });
  return material === undefined ? [] : [material];
}

function roleOf(path: string): MaterialRole {
  return CODE.test(path) ? 'code' : CONFIG.test(path) ? 'config' : 'dataset';
}

/** The path inside the repository; of one outside only the name, as the rest is that of one machine. */
function placeOf(path: string): string {
  const isOutside = /^(\/|[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*:\/\/)/.test(path) || path.split(/[\\/]/).includes('..');
  const place = isOutside ? (path.split(/[\\/]/).filter(Boolean).at(-1) ?? '') : path;
  return place.replace(/\p{Cc}/gu, '').slice(0, 1024) || 'data';
}
