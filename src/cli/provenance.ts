import {
  type AttestationContent,
  type BuildFacts,
  type MaterialSource,
  type ProvenanceRequest,
  readCiEnvironment,
  readDvc,
  readMlflowRun,
} from '../app/index.ts';
import { readCapped, usage } from '../core/index.ts';
import { isUri, MATERIAL_NAME, STATEMENT_LIMITS } from '../formats/index.ts';
import { looksSecret, parseCode, parseContainer, parseDigested, refuseSecrets } from '../lineage/index.ts';
import { isStoreLocation, parseLocation } from '../store/index.ts';
import type { AttestFlags, ProvenanceFlags } from './attest-flags.ts';
import { environment } from './wiring.ts';

/**
 * What flags say is to be attested.
 *
 * @throws MlsignError `attestation-empty`, `predicate-type-invalid`, and what the readers of flags and files throw
 */
export async function contentOfFlags(flags: AttestFlags): Promise<AttestationContent> {
  const { predicate, type } = flags;
  if (predicate === undefined || type === undefined) return { kind: 'provenance', request: await requestOfFlags(flags) };
  if (!isUri(type)) throw usage('predicate-type-invalid', 'the type of a predicate is a URI', { got: type });
  return { kind: 'predicate', type, bytes: await readCapped(predicate, STATEMENT_LIMITS.maxBytes, 'predicate'), where: predicate };
}

async function requestOfFlags(flags: ProvenanceFlags): Promise<ProvenanceRequest> {
  const { base = [], dataset = [], code = [], container = [], param = [], metric = [], relation, builder, invocation } = flags;
  const materials: readonly MaterialSource[] = [
    ...base.map((text) => readSource(text, 'base-model')),
    ...dataset.map((text) => readSource(text, 'dataset')),
    ...code.map((text): MaterialSource => ({ kind: 'bound', material: parseCode(text) })),
    ...container.map((text): MaterialSource => ({ kind: 'bound', material: parseContainer(text) })),
  ];
  const facts = await factsOfFlags(flags);
  if (materials.length + param.length + metric.length + facts.length === 0) {
    throw usage('attestation-empty', 'say what the model was made from: there is nothing to attest', {
      suggestions: ['--base MODEL --relation finetune --dataset PATH', '--from-env', '--predicate FILE --type URI'],
    });
  }
  return {
    relation,
    materials,
    parameters: Object.fromEntries(param.map((text) => readParameter(text))),
    metrics: Object.fromEntries(metric.map((text) => readMetric(text))),
    builder: builder && readBuilder(builder),
    invocation: invocation && readInvocation(invocation),
    facts,
  };
}

async function factsOfFlags(flags: ProvenanceFlags): Promise<readonly BuildFacts[]> {
  const facts: BuildFacts[] = flags['from-env'] ? [readCiEnvironment(environment())] : [];
  for (const path of flags['from-mlflow'] ?? []) facts.push(await readMlflowRun(path));
  for (const path of flags['from-dvc'] ?? []) facts.push(await readDvc(path));
  return facts;
}

function readSource(text: string, role: 'base-model' | 'dataset'): MaterialSource {
  const material = parseDigested(text, role);
  if (material !== undefined) return { kind: 'bound', material };
  refuseSecrets(text);
  if (isStoreLocation(text)) return { kind: 'release', role, location: parseLocation(text) };
  if (!/^[A-Za-z][A-Za-z0-9+.-]+:\/\//.test(text)) return { kind: 'path', role, path: text };
  throw usage('material-unbound', 'what lies elsewhere is named with its digest, as it can change there', {
    subject: text,
    expected: `${text}=sha256: with 64 hex digits`,
  });
}

function readParameter(text: string): readonly [string, string] {
  const [name, value] = readEntry(text, 'param', 'NAME=VALUE, such as epochs=3');
  if (!looksSecret(name, value)) return [name, value];
  throw usage('secret-in-parameter', 'this parameter looks like a secret, and what is signed is for everybody to read', {
    subject: `--param ${name}`,
    suggestions: ['leave it out', 'have it replaced, as it has been on a command line'],
  });
}

function readMetric(text: string): readonly [string, number] {
  const [name, value] = readEntry(text, 'metric', 'NAME=NUMBER, such as accuracy=0.93');
  const number = Number(value);
  if (value.trim() !== '' && Number.isFinite(number)) return [name, number];
  throw usage('metric-malformed', 'a metric is a number', { subject: `--metric ${name}`, got: value });
}

function readEntry(text: string, flag: string, expected: string): readonly [string, string] {
  const at = text.indexOf('=');
  const name = text.slice(0, Math.max(0, at));
  if (MATERIAL_NAME.test(name)) return [name, text.slice(at + 1)];
  throw usage(`${flag}-malformed`, `this is no ${flag === 'param' ? 'parameter' : 'metric'}`, { subject: `--${flag}`, expected });
}

function readBuilder(text: string): string {
  refuseSecrets(text);
  if (isUri(text)) return text;
  throw usage('builder-malformed', 'a builder is named by a URI', { got: text, expected: 'such as https://ci.example/builders/gpu' });
}

function readInvocation(text: string): string {
  refuseSecrets(text);
  if (/^\P{Cc}{1,4096}$/u.test(text)) return text;
  throw usage('invocation-malformed', 'an invocation is one line of at most 4,096 characters');
}
