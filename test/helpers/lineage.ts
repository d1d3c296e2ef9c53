import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ShowLineageOptions, type ShownLineage, showLineage, signModel } from '../../src/app/index.ts';
import { sha256Hex } from '../../src/core/index.ts';
import { BUILD_TYPE, type Material, type MaterialRole, materialOf, type Provenance, provenancePayload } from '../../src/formats/index.ts';
import { attestationName } from '../../src/lineage/index.ts';
import { loadPolicy, type Policy } from '../../src/policy/index.ts';
import { openStore } from '../../src/store/index.ts';
import { fixtureSigner, keyUrl } from './keys.ts';
import { signedBytes } from './releases.ts';
import { Sandbox } from './sandbox.ts';

/** A model of a test. */
export interface TestModel {
  readonly name: string;
  readonly path: string;
  readonly id: string;
}

/** Who makes models, who gives the base models, and who the datasets. */
export const KEYS = { trainer: 'ec-p256', meta: 'ed25519', data: 'ec-p384', stranger: 'ec-p521' } as const;
export type Who = keyof typeof KEYS;

export const BUILDER = 'https://ci.example.com/train';

/** A policy of these principals, with the given lines beneath its one rule. */
export function lineagePolicy(lines = ''): string {
  const key = (who: Who) => `  ${who}: { key: "${keyUrl(`${KEYS[who]}.pub`).pathname}" }`;
  return `version: 1
principals:
${(['trainer', 'meta', 'data'] as const).map(key).join('\n')}
rules:
  - model: "**"
    signed-by: trainer
${lines.replaceAll(/^/gm, '    ')}
`;
}

/** Models on disk that lie beside each other, signed and attested. */
export class LineageFolder extends Sandbox {
  #policies = 0;

  /** A signed model whose content is its name's. */
  async model(name: string, who: Who = 'trainer', folder = 'models'): Promise<TestModel> {
    const path = this.write(join(folder, name), { 'weights.bin': `weights of ${name}`, 'config.json': '{}' });
    const { modelId } = await signModel(path, { signer: await fixtureSigner(KEYS[who]) });
    return { name, path, id: modelId };
  }

  /** Signs provenance of a model, and puts it beside it, or beside another one. */
  async attest(
    model: TestModel,
    materials: readonly Material[],
    fields: Partial<Provenance> = {},
    who: Who = 'trainer',
    beside = model,
  ): Promise<string> {
    const provenance = aProvenance(model, materials, fields);
    const bytes = await signedBytes(provenancePayload(provenance), KEYS[who]);
    mkdirSync(`${beside.path}.mlsign`, { recursive: true });
    const path = join(`${beside.path}.mlsign`, attestationName(sha256Hex(bytes)));
    writeFileSync(path, bytes);
    return path;
  }

  policy(lines = ''): Promise<Policy> {
    return loadPolicy(this.policyFile(lines));
  }

  policyFile(lines = ''): string {
    const path = this.path(`policy-${++this.#policies}.yaml`);
    writeFileSync(path, lineagePolicy(lines));
    return path;
  }

  async show({ path }: TestModel, lines?: string, options: ShowLineageOptions = {}): Promise<ShownLineage> {
    const policy = lines === undefined ? undefined : await this.policy(lines);
    return showLineage(path, { policy, openStore: ({ store }) => openStore(store), ...options });
  }
}

export function aProvenance(
  { name, id }: Pick<TestModel, 'name' | 'id'>,
  materials: readonly Material[],
  fields: Partial<Provenance> = {},
): Provenance {
  return { subject: { name, modelId: id }, buildType: BUILD_TYPE, builder: BUILDER, materials, parameters: {}, metrics: {}, ...fields };
}

/** A material that is a model. */
export function from(model: Pick<TestModel, 'name' | 'id'>, role: MaterialRole = 'base-model', fields: Partial<Material> = {}): Material {
  return material({ mlsignModel: model.id }, role, { name: model.name, ...fields });
}

/** A material that is none. */
export function material(
  digests: Readonly<Record<string, string>>,
  role: MaterialRole = 'dataset',
  fields: Partial<Material> = {},
): Material {
  const made = materialOf(digests, { role, ...fields });
  assert.ok(made);
  return made;
}
