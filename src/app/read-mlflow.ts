import { lstat, open, readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  compareCodePoints,
  Decoder,
  decodeUtf8,
  type Fields,
  type Finding,
  fileError,
  MlsignError,
  readCapped,
  refused,
  systemErrorCode,
} from '../core/index.ts';
import { isDigestValue, type Material, materialOf, withoutSecrets } from '../lineage/index.ts';
import { readYaml } from '../policy/index.ts';
import { type BuildFacts, noFacts } from './build-facts.ts';
import { keepParameter } from './keep-parameter.ts';
import { stripped } from './read-ci-environment.ts';

const MAX_META_BYTES = 1024 * 1024;
const MAX_VALUE_BYTES = 64 * 1024;
/** Of a metric, which has a line a step, only the last one counts. */
const TAIL_BYTES = 4096;
const MOST_FILES = 10_000;
const MAX_DEPTH = 16;
const ID = /^[0-9A-Za-z_-]{1,64}$/;

/**
 * What an MLflow run says of itself, from its folder: datasets, parameters, the last value of each metric, commit and times.
 *
 * @param path of the run: the folder with `meta.yaml`
 * @throws MlsignError `mlflow-malformed`, `yaml-invalid`, `too-many-files`, and what reading files gives
 */
export async function readMlflowRun(path: string): Promise<BuildFacts> {
  const run = resolve(path);
  const meta = await readMeta(run, 'run of MLflow');
  const decoder = new Decoder();
  const fields = decoder.object(meta, '');
  const id = fields.string('run_id', ID, 'the id of a run');
  const moments = { started: moment(fields, 'start_time'), finished: moment(fields, 'end_time') };
  decoder.finish('mlflow-malformed', 'run of MLflow', join(path, 'meta.yaml'));
  const findings: Finding[] = [];
  const parameters: Record<string, string> = {};
  for (const name of await filesIn(join(run, 'params'))) {
    keepParameter(parameters, name, await readValue(join(run, 'params', name)), `params/${name}`, findings);
  }
  const code = await readCode(run, findings);
  return {
    ...noFacts(`the MLflow run ${id}`),
    materials: [...(code === undefined ? [] : [code]), ...(await readDatasets(run))],
    parameters,
    metrics: await readMetrics(run, findings),
    invocation: id,
    ...moments,
    findings,
  };
}

async function readMeta(folder: string, what: string) {
  const path = join(folder, 'meta.yaml');
  return readYaml(await readCapped(path, MAX_META_BYTES, what), path, what, MAX_META_BYTES);
}

/** Milliseconds since 1970; undefined while the run has none. */
function moment(fields: Fields, name: string): Date | undefined {
  const value = fields.raw(name);
  const time = new Date(typeof value === 'number' && value > 0 ? value : Number.NaN);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

/** The commit that MLflow found, and the repository where it wrote that down. */
async function readCode(run: string, findings: Finding[]): Promise<Material | undefined> {
  const commit = await readTag(run, 'mlflow.source.git.commit');
  if (commit === undefined || !isDigestValue('gitCommit', commit)) return undefined;
  const repository = (await readTag(run, 'mlflow.source.git.repoURL')) ?? '';
  if (!/^https?:\/\/[^\s\p{Cc}]{1,4000}$/u.test(repository)) return materialOf({ gitCommit: commit }, { role: 'code' });
  const clean = withoutSecrets(repository);
  if (clean !== repository) findings.push(stripped('mlflow.source.git.repoURL'));
  return materialOf({ gitCommit: commit }, { role: 'code', uri: `git+${clean}` });
}

async function readTag(run: string, name: string): Promise<string | undefined> {
  try {
    return (await readValue(join(run, 'tags', name))).trim();
  } catch (error) {
    if (error instanceof MlsignError && error.code === 'file-not-found') return undefined;
    throw error;
  }
}

/** Each input of the run names a dataset of its experiment. MLflow's digests are eight digits: written down, and no proof. */
async function readDatasets(run: string): Promise<readonly Material[]> {
  const datasets: Material[] = [];
  for (const input of await namesIn(join(run, 'inputs'))) {
    const decoder = new Decoder();
    const fields = decoder.object(await readMeta(join(run, 'inputs', input), 'input of an MLflow run'), '');
    if (fields.raw('source_type') !== 'DATASET') continue;
    const id = fields.string('source_id', ID, 'the id of a dataset');
    decoder.finish('mlflow-malformed', 'input of an MLflow run', `inputs/${input}`);
    const dataset = decoder.object(await readMeta(join(dirname(run), 'datasets', id), 'dataset of MLflow'), '');
    const name = dataset.string('name', /^\P{Cc}{1,1024}$/u, 'a name');
    const digest = dataset.string('digest', /^[!-~]{1,64}$/, 'a digest');
    decoder.finish('mlflow-malformed', 'dataset of MLflow', `datasets/${id}`);
    const material = materialOf({ mlflowDigest: digest }, { role: 'dataset', name: basename(name) || 'data' });
    if (material !== undefined) datasets.push(material);
  }
  return datasets;
}

async function readMetrics(run: string, findings: Finding[]): Promise<Readonly<Record<string, number>>> {
  const metrics: Record<string, number> = {};
  for (const name of await filesIn(join(run, 'metrics'))) {
    const [, text] = (await lastLine(join(run, 'metrics', name))).split(' ');
    const value = Number(text);
    if (text !== undefined && Number.isFinite(value)) metrics[name] = value;
    else
      findings.push({ code: 'metric-left-out', severity: 'note', message: 'a metric has no number, and is not attested', subject: name });
  }
  return metrics;
}

async function lastLine(path: string): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n').at(-1) ?? '';
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, 'read the metric', path);
  }
}

async function readValue(path: string): Promise<string> {
  const text = decodeUtf8(await readCapped(path, MAX_VALUE_BYTES, 'file of MLflow'));
  if (text === undefined) throw refused('mlflow-malformed', 'a file of MLflow is not UTF-8 text', { subject: path });
  return text;
}

/** The files beneath a folder, with `/`: the name of a parameter may have one. Links are not followed. */
async function filesIn(folder: string, prefix = '', depth = 0): Promise<readonly string[]> {
  const files: string[] = [];
  for (const name of await namesIn(join(folder, prefix))) {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    const stats = await lstat(join(folder, path));
    if (stats.isDirectory() && depth < MAX_DEPTH) files.push(...(await filesIn(folder, path, depth + 1)));
    else if (stats.isFile()) files.push(path);
    if (files.length > MOST_FILES)
      throw refused('too-many-files', 'the run of MLflow has more files than mlsign reads', { subject: folder });
  }
  return files;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort(compareCodePoints);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw fileError(error, 'list the run of MLflow', folder);
  }
}
